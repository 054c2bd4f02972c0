"""From a received batch to stored readings and their acknowledgement."""
