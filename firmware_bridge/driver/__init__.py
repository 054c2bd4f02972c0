"""What every driver of a meter protocol is: its interface, lines and telegrams."""
