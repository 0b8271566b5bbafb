"""Who may call the API and which scenario halls it shows: definitions in the database, snapshots in memory.

Everything the request path reads comes from a `Snapshot`, so that a database that is away stops no shopper.
"""
