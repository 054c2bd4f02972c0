"""A tariff tried on a group's own intervals, beside a control group.

Owns what a pilot says and what came of it. It does not claim, bill or print anything;
`central.service.billing` does.
"""
