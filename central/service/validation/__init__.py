"""Closing days, and what people decide about findings."""
