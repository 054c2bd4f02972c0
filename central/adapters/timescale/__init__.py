"""The stores on PostgreSQL, with TimescaleDB where the server offers it.

Owns the SQL of the stores. It does not judge or price what it stores.
"""
