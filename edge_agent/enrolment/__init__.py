"""Claiming a gateway's name at the centre, and renewing its certificate.

Owns the gateway's keys: they are made here and never leave. It does not talk to the broker.
"""
