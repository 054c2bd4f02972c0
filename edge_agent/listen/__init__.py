"""What meters say, live, for whoever installs one or writes its firmware.

Owns reading without storing, and how an outcome is printed. It does not decode: drivers do.
"""
