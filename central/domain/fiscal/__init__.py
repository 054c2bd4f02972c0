"""The fiscal register: what a tax agency wants to be told of each invoice, chained by hashes.

Owns the records, their hashes and how they are written. That a record is there for each invoice
that is issued, and that no chain forks, is the store's: see `0095_fiscal_register.sql`.
"""
