"""What waits for a clerk, in one queue: its evidence, and one module for each thing to do about it.

Owns the actions: who, why and by which reason code, one or many, kept or previewed. It does not
judge days or bills; `central.domain.vee` and `central.domain.billing` do.
"""
