"""What answers or pushes on a bus, port or broker, and the configuration that reads it.

`search` decides what is tried and in which order, `pushed` listens to what pushes, `polled` and
`mbus_search` ask, `broker` listens to MQTT devices, `finding` is what all of them give.

It does not run in the agent.
"""
