"""Settings of the processes, read from the environment."""
