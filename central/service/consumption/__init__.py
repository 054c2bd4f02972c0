"""What channels, accounts, groups and tariffs use: by step of time, as a profile, and what changed.

Owns the use-cases. It keeps nothing, and says no cost: `central.service.so_far` does.
"""
