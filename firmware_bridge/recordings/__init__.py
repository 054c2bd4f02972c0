"""Decoding recordings: files with telegrams in them.

Owns how a file is cut into telegrams for each protocol. It does not open a line, and does not run
in the agent.
"""
