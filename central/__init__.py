"""The centre: stores readings once, validates, rates and bills them, and shows all of it.

Source: docs/explanation/architecture.md, "The centre"
"""
