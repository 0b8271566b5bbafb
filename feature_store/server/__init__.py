"""The embedded Valkey: who starts it, who stops it, and the one way to connect."""
