"""The audit log in the database: its rows, their personal values, and their seals.

Owns how a row is written behind any change. It does not decide what a row says; use-cases do.
"""
