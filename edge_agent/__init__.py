"""The gateway agent: reads meters, keeps every reading until the centre has it, forwards it.

Source: docs/explanation/architecture.md, "The gateway"
"""
