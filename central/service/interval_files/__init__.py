"""Files of metered values, as tables."""
