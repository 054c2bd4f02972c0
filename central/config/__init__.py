"""Settings of the processes, read from the environment.

Owns the variables, their limits and their defaults. It does not open a connection.
"""
