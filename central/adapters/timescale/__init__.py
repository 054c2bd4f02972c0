"""The stores on PostgreSQL, with TimescaleDB where the server offers it."""
