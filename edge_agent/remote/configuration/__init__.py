"""Signed meter configuration from the centre, with probation and fallback."""
