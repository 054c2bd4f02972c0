"""Virtual meters that push DLMS lists.

Owns how a display is spelt as a list. It does not keep a counter; the virtual meter does.
"""
