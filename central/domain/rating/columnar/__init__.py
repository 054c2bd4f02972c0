"""Many bills at once: the same rules, a column for each step."""
