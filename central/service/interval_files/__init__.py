"""Files of metered values, written as tables.

They do not read files of markets, which `central.domain.interval_files` does, and store nothing.
"""
