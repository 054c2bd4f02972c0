"""Tariff documents: their model, loader, calendar and versions."""
