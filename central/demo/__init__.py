"""Everything on one machine: virtual meters, a gateway, a broker, a database, bills, a dashboard.

`households` says who lives there, `street` plays their meters and the gateway, `stage` runs the
servers, `book` is the utility's customer book, `acts` is what happens, `screen` what is seen of it.
No reading goes any other way than a real one: meter, agent, broker, ingest.
"""
