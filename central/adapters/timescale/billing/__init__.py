"""Bills, runs and their shards in the database.

Owns the rows of a bill and how shards are claimed. It does not rate, and changes no issued bill.
"""
