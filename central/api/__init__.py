"""The HTTP face of the centre: routers, schemas, one error map, and who may come in.

Owns what goes over the wire. What it means belongs to `central.service`; the operator's pages, to
`central.dashboard`.
"""
