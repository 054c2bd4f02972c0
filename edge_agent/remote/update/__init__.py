"""Announced releases: downloaded, verified, installed, rolled back.

Owns the steps of a release, and the way back. It does not install a file itself; the installer's
command does.
"""
