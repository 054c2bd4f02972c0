"""When each meter is read, and what becomes of the readings."""
