"""S0 pulse outputs: edges of a GPIO line, counted. Source: EN 62053-31."""
