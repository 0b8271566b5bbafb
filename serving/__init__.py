"""The HTTP service: lists, scenarios, events, catalogue and keys, answered from one loaded release."""
