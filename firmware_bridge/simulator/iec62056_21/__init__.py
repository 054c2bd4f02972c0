"""Virtual meters that speak IEC 62056-21: P1 and the optical head.

Owns how a display is spelt as text. It does not keep a counter; the virtual meter does.
"""
