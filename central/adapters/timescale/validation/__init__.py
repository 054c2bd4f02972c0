"""Closed days, findings and decisions in the database.

Owns the rows and their versions. It does not judge a day; `central.domain.vee` does.
"""
