"""Structured invoices: the semantic model of EN 16931, and the forms it is written in.

Owns what an invoice says to a machine, how value added tax is grouped in it, and UBL, CII and
Facturae. It computes no amount of its own that a bill does not say: it groups and copies them.
Whether what was written keeps the rules is judged elsewhere, by the rules' own publishers.
"""
