"""Jobs that are done by a schedule: which there are, whose turn one is, and what became of it.

The rows of `NightStore` are the truth: a job is done when its row says so. The queue that wakes
workers holds nothing that must last, and nothing here knows it.
"""
