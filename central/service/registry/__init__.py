"""Service points, meters and customers, and their import.

Owns what a customer file may say, and when it is refused. It does not touch readings.
"""
