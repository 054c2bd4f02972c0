"""Pilots: a tariff tried on a group's own intervals, beside a control group; never billed."""
