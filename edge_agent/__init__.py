"""The gateway agent: reads meters, keeps every reading until the centre has it, forwards it.

It does not rate, and does not know the centre's code; both share the contract.

Source: docs/explanation/architecture.md, "The gateway"
"""
