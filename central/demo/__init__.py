"""Everything on one machine: virtual meters, a gateway, a broker, a database, bills, a dashboard.

`households` says who lives there, `virtual_meters` plays their meters and the gateway, `servers`
runs the servers, `customers` is the utility's customer file, `scenario` is what happens, `console`
what is seen of it. No reading goes any other way than a real one: meter, agent, broker, ingest.

It does not serve in production.
"""
