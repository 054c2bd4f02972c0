"""Moves: what changes at a service point in several steps, done as one or not at all.

A move-in, a move-out, an exchange of meters, a change of agreement; and taking one back.
"""
