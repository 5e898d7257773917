"""PostgreSQL and a Redis-compatible server from their wheels, as child processes."""
