"""Keep what is said of invoices, and their way to accounts, on PostgreSQL.

Owns the statements. It sends nothing: `central.service.invoicing.deliver_invoices` does.
"""
