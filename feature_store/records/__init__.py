"""What events, items and users look like: one table of fields, and its two evaluators."""
