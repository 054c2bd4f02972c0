"""Usage events, their subjects and their meters in the database.

Owns their rows, and which service points change by them. It does not price what it counts.
"""
