"""The operator's pages: server-rendered, readable without scripts, quicker with them.

Owns how things look. What is shown comes from `central.service`; who may look is settled by the
gate in `central.api`, which leaves the browser's seat in the request's state.
"""
