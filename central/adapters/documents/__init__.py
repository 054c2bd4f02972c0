"""Documents for people: the invoice as PDF.

Owns the layout of a page. It does not compute amounts; the bill has them.
"""
