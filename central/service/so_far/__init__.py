"""Say what is used and what it costs so far, the present day included, and raise alerts on both.

Owns days that go on. It does not rate by itself: `central.service.billing` previews the bill.
"""
