"""Tariffs of the Utility Rate Database, as documents.

Owns the translation, and the refusal of what it cannot say exactly. It does not download records.
"""
