"""S0 pulse outputs: edges of a GPIO line, counted. Source: EN 62053-31.

Owns the counting and the file that keeps the count. It does not guess what a pulse is worth; the
configuration says it.
"""
