"""What is learned from events and texts: each model in a file of its own, saved as arrays and JSON."""
