"""Use-cases, named by verbs. They take ports and values, and name no concrete adapter."""
