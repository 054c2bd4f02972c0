"""The audit log's seals: which rows get one, where the head is anchored, and whether all hold.

Owns the passes of the sealer and of verification. It writes no row; each store does that with the
change that the row tells.
"""
