"""The gateway agent: reads meters, keeps every reading until the centre has it, forwards it."""
