"""What happened and is billed by its number: events, how senders write them, how they are counted.

Owns what an event and a meter of usage are. It does not know to whom an event belongs, nor what a
bill makes of it; the first is the registry's, the second `central.domain.rating`'s.
"""
