"""What the agent tells of itself: health, metrics, systemd, status socket.

Owns the forms of what is shown, and the signal that asks a running agent to read its configuration
again. It does not decide on what it shows.
"""
