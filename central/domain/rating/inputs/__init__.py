"""What rating reads: series, facts, events, segments and carried state."""
