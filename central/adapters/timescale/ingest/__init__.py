"""Readings in, each exactly once: rows, cursors and quarantine.

Owns one transaction for each window. It does not decide what becomes of a batch;
`central.service.ingest` does.
"""
