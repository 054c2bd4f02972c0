"""SML: Smart Message Language 1.04, as German meters push it."""
