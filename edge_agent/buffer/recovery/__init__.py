"""Getting readings back from a damaged buffer file."""
