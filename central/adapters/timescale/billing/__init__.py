"""Bills, runs and their shards in the database."""
