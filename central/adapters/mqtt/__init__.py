"""The broker: batches in, acknowledgements and retained instructions out."""
