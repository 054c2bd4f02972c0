"""From intervals to billing determinants: energy, demand, events, formulas."""
