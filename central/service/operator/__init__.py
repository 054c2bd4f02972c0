"""What an operator asks and orders.

Owns the use-cases that API and pages share. It does not know HTTP, and draws no page.
"""
