"""What devices say, turned into readings: drivers, meter profiles, virtual meters, the contract.

It does not store or send readings, and knows neither the agent nor the centre.

Source: docs/explanation/architecture.md, "The bridge"
"""
