"""Numbered SQL, forward only; `central.adapters.timescale.migrate` applies it.

Owns the schema. It does not run anything, and no migration that was released changes.
"""
