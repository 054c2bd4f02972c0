"""The buffer: every reading in SQLite until the centre has stored it.

Owns epochs, sequences, hashes and the file. It does not know MQTT or the centre.
"""
