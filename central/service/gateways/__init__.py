"""Enrolling gateways, and managing them remotely.

Owns which gateways, epochs and meters are enrolled, and what is signed for them. It does not send;
a port does.
"""
