"""Closing days, and what people decide about findings.

Owns when a day is closed and closed again. It does not have the rules; `central.domain.vee` does.
"""
