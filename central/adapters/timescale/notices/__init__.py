"""Keep notices, rules, endpoints, deliveries and their attempts on PostgreSQL.

Owns the statements. It does not write what happened: triggers of the migrations do.
"""
