"""Delete what is past its term by law or contract, unless a legal hold keeps it.

Owns rules, holds and receipts. It does not drop what nobody needs, which goes by settings.
"""
