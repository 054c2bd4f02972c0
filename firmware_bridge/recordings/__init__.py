"""Decoding recordings: files with telegrams in them."""
