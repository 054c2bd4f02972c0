"""Bills: values, states and cycles.

Owns what a bill says, and which change of its state is allowed. It does not price anything, and
stores nothing.
"""
