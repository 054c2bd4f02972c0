"""The operator's pages: server-rendered, readable without scripts, quicker with them.

Owns how things look. What is shown comes from `central.service`; who may look is settled by the
access middleware of `central.api`, which leaves the browser's session in the request's state.

It does not hold state.
"""
