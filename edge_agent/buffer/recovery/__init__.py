"""Getting readings back from a damaged buffer file.

Owns the search for what is still whole. It does not delete the damaged file.
"""
