"""Bill runs, from rating to the approved and printed bill."""
