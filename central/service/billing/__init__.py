"""Bill runs, from rating to the approved and printed bill.

Owns the order of a run, and who may approve. It does not price; `central.domain.rating` does.
"""
