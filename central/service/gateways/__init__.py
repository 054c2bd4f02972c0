"""Enrolling gateways, and managing them remotely."""
