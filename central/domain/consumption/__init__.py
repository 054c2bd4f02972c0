"""What channels counted, summed by step of time: profiles, losses, and what changed. Pure.

Owns exact sums of validated intervals. It prices nothing, and reads no store.
"""
