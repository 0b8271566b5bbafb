"""What is the same for every route: limits, envelopes, problems, access."""
