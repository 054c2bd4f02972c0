"""Small codes that several protocols share: checksums, reals, hexadecimal dumps.

They do not know any protocol.
"""
