"""`billing dev`: everything at once on this machine, as one process with children."""
