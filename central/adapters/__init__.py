"""Where the services meet the world: databases, brokers, documents."""
