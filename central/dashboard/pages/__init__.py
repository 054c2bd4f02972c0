"""The pages, one module per thing shown.

Each asks a use-case and fills a template. They do not write SQL, and decide nothing about access.
"""
