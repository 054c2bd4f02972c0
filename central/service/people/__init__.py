"""People: who they are, how they sign in, and the keys that programs use in their names.

Owns codes, passwords, roles given and keys. It decides nothing about what somebody may do;
`central.domain.access` does.
"""
