"""Virtual pulse outputs.

Owns the GPIO chip that is played. It does not count; the driver does.
"""
