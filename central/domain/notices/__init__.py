"""Say what is told of what happened, to whom, under which signature, and when it is tried again.

Owns kinds of notices, rules, endpoints and signatures. It does not send anything.
"""
