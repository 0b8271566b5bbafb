"""Changes of items and users that callers send."""
