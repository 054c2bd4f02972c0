"""Points, meters, customers, gateways and series in the database."""
