"""Virtual pulse outputs."""
