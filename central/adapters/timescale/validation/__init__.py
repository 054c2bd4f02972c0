"""Closed days, findings and decisions in the database."""
