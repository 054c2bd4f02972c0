"""Rollovers, resets, backward steps and meter exchanges, seen at the gateway."""
