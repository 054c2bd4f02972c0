"""Service points, meters and customers, and their import."""
