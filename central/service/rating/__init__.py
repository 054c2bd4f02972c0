"""Rating outside a bill run: files in, prices and series.

Owns the reading of series, events and load files. It does not make bills; `central.service.billing`
does.
"""
