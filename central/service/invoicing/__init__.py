"""Say what invoices print beside their bills, and have documents reach their accounts.

Owns who is sent what, and when it is tried again. It does not render documents, nor talk to mail
servers.
"""
