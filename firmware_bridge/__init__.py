"""What devices say, turned into readings: drivers, meter profiles, virtual meters, the contract.

Source: docs/explanation/architecture.md, "The bridge"
"""
