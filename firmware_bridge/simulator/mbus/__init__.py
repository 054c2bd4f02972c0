"""Virtual M-Bus meters, wired and wireless.

Owns how a display is spelt as records, and the slave that answers. It does not keep a counter; the
virtual meter does.
"""
