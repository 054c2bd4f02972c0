"""Numbered SQL, forward only; `central.adapters.timescale.migrate` applies it."""
