"""SML: Smart Message Language 1.04, as German meters push it.

Owns transport frames, values and the driver. It does not ask a meter for anything.
"""
