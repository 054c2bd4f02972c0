"""The stores in memory: the same semantics, without durability; they pass the same tests."""
