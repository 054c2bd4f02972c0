"""Read whose figures so far are asked for, and keep alerts, on PostgreSQL.

Owns rules and alerts. It does not rate: a preview of bills does, in `central.service.billing`.
"""
