"""What pages and API show, page by page.

Owns what is put together for reading. It does not change anything, and decides no layout.
"""
