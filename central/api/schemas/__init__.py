"""What goes over the wire, as pydantic sees it: the border, never the inside.

Owns the names and forms of fields. It does not hold rules of the domain.
"""
