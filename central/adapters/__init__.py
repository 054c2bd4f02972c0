"""Where the services meet the world: databases, brokers, documents.

Owns how a port of `central.service.ports` is made real. It does not decide what a rule decides.
"""
