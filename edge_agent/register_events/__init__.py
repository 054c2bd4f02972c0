"""Rollovers, resets, backward steps and meter exchanges, seen at the gateway.

Owns noticing them. It does not turn them into use; validation at the centre does.
"""
