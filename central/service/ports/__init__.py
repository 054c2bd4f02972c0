"""What the use-cases need from the outside, as protocols.

Owns the promises that every store and broker keeps, and their errors. It does not name an adapter.
"""
