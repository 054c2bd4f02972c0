"""The buffer: every reading in SQLite until the centre has stored it."""
