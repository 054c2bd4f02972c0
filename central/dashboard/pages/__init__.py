"""The pages, one module per thing shown."""
