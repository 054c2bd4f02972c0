"""What every driver of a meter protocol is: its interface, lines and telegrams.

Owns the register of protocols too. It does not know a protocol by name; entry points name them.
"""
