"""Documents for people: the invoice as PDF."""
