"""What a request reads and writes: the contract, the in-memory specification, the Redis adapter."""
