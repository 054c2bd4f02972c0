"""From the buffer to the broker, and the acknowledgements back."""
