"""What waits for a clerk, in the database.

Owns the queue, who has what, field orders, releases, and the transaction of a decision. It does not
decide what may be done; `central.service.exceptions` does.
"""
