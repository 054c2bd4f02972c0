"""Virtual Modbus meters.

Owns the server and its registers. It does not keep a counter; the virtual meter does.
"""
