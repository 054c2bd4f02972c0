"""Compose the processes of the centre from their parts."""
