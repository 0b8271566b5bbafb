"""Processes: the server, the workers, and the supervisor that keeps them."""
