"""Small codes that several protocols share: checksums, reals, hexadecimal dumps."""
