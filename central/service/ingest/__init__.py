"""From a received batch to stored readings and their acknowledgement.

Owns what becomes of a batch: stored, quarantined or rejected. It does not judge consumption;
`central.service.validation` does.
"""
