"""Pure: values in, values out. No clock, socket, database or money as float.

Owns the rules of metering, validation, tariffs, rating and bills. It does not know who asks, or
where things are stored.
"""
