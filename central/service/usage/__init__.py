"""Take usage events in, say to whom they belong and how they are counted.

Owns what becomes of each event that is sent. It does not read requests, and does not count:
bills do, in `central.service.billing`.
"""
