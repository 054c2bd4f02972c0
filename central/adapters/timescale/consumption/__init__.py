"""Validated days of many channels, summed on PostgreSQL. Owns no table."""
