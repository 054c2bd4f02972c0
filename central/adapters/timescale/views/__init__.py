"""What the pages and the API show, asked in one query each."""
