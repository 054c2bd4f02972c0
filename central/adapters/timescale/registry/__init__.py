"""Points, meters, customers, gateways and series in the database.

Owns the rows and their history. It does not check a customer file; `central.service.registry` does.
"""
