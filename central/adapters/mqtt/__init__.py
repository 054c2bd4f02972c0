"""The broker: batches in, acknowledgements and retained instructions out.

Owns the connection and the topics. It does not read what a batch holds; `central.service.ingest`
does.
"""
