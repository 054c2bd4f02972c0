"""IEC 62056-21: optical and serial read-outs in modes A to D."""
