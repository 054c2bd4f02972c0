"""From intervals to billing determinants: energy, demand, events, formulas.

Owns what is measured for a charge. It does not price; `central.domain.rating.charges` does.
"""
