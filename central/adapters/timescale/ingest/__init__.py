"""Readings in, each exactly once: rows, cursors and quarantine."""
