"""What the agent tells of itself: health, metrics, systemd, status socket."""
