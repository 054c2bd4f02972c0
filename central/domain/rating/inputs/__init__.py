"""What rating reads: series, facts, events, segments and carried state.

Owns the values that rating takes, and the hash over them. It does not fetch them.
"""
