"""Use-cases of the centre.

Each room serves one task: use-cases are verbs, and the values they take and give are nouns. They
take ports, and name no concrete adapter.
"""
