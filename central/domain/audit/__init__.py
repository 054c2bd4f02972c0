"""The audit log: what a row says of a change, and the chain that seals the rows.

It decides neither who may do something nor where rows are kept.
"""
