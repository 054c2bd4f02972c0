"""Many bills at once: the same rules, a column for each step.

Owns how steps are computed as columns, and which accounts suit that. It does not have rules of its
own: each account's result is that of rating it alone.
"""
