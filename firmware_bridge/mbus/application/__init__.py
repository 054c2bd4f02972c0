"""What M-Bus telegrams say, however they travel: EN 13757-3 and -7, OMS Volume 2.

Owns records, units, security and the quirks of devices. It does not open a line.
"""
