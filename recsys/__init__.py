"""Models, retrieval, rules and the request pipeline: arrays in, lists out; no web, no Redis, no clock."""
