"""Tariff documents: their model, loader, calendar and versions.

Owns what a tariff may say. It does not price with it; `central.domain.rating` does.
"""
