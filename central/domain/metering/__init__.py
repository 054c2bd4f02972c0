"""What was consumed: service points, installations, registers, intervals and day blocks.

Owns how readings become intervals and how validated intervals are packed. Judging and estimating
them belongs to `central.domain.vee`; what they cost, to `central.domain.rating`.
"""
