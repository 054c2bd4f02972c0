"""Rating outside a bill run: files in, prices and series."""
