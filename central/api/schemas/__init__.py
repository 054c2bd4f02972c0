"""What goes over the wire, as pydantic sees it: the border, never the inside."""
