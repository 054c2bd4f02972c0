"""Tariffs of the Utility Rate Database, as documents."""
