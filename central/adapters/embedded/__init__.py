"""Private servers for one process: PostgreSQL and an MQTT broker that end with it.

Production points Meterline at servers of its own; these are for the demo and the tests.
Linux only, since nothing portable makes a server end with the process that started it.

It does not touch a server that somebody else started.
"""
