"""The grammar of tariff documents, described once.

Each construct is a table of rows (`record.py`): a key, the kind of its value, whether it must be
there, what holds where it is absent. The loader reads by the table, the exporter writes by it, and
the JSON Schema is what it says of shapes. `document.py` is the whole; a charge is in `charges.py`.

It does not read files; `central.domain.tariff.load` does.
"""
