"""From a tariff's document back to text."""
