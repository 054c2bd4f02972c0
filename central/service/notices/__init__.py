"""Tell endpoints what happened: rules, secrets, deliveries, and who has them sent again.

Owns when a delivery is tried. It does not write notices: the transaction of what they tell does.
"""
