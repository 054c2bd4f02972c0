"""Who may do what, and whose data they see.

Owns roles, permissions and the one decision over them. It knows neither people nor routes:
`central.service.people` and `central.api` ask it.
"""
