"""Announced releases: downloaded, verified, installed, rolled back."""
