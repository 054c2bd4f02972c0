"""The centre: stores readings once, validates, rates and bills them, and shows all of it.

It does not talk to meters; gateways send it what they read.

Source: docs/explanation/architecture.md, "The centre"
"""
