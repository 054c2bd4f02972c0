"""Pricers: one way of charging per module. Each says its formula and where it comes from.

It does not measure energy; `central.domain.rating.determinants` does.
"""
