"""What rating gives: lines with their amounts, texts and interval weights.

Owns the form of a line and its wording. It does not compute amounts;
`central.domain.rating.charges` does.
"""
