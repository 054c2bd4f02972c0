"""IEC 62056-21: optical and serial read-outs in modes A to D.

Owns the frames, the data sets and the text of P1. It does not program a meter.
"""
