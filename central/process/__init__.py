"""Compose the processes of the centre from their parts.

Owns the choice of adapters and the order of start and stop. It does not hold rules.
"""
