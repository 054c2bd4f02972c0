"""Virtual meters that push SML files.

Owns how a display is spelt as a file of SML. It does not keep a counter; the virtual meter does.
"""
