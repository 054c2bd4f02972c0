"""What the pages and the API show, asked in one query each.

Owns the queries behind them, and the record of when a meter was last seen. It does not change
readings or bills.
"""
