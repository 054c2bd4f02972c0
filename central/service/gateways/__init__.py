"""Enrolling gateways, and managing them from afar."""
