"""From candidates to an order: one score per candidate, then diversity."""
