"""Signed meter configuration from the centre, with probation and fallback.

Owns which meters are read for the centre. It does not change the gateway's own file.
"""
