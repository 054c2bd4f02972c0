"""DSMR P1: the customer port of Dutch, Belgian, Luxembourg, Nordic and Hungarian meters."""
