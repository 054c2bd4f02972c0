"""Send notices: webhooks over HTTP, and mail over SMTP.

Owns what is on the wire: headers, bodies, time limits. It does not decide what is sent, nor when it
is tried again: `central.service.notices` does.
"""
