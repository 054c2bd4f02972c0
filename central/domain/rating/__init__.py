"""The rater: intervals and tariff in, determinants and lines out.

Owns every amount before it stands on a bill. It does not read a store; `central.service.billing`
brings what it needs.
"""
