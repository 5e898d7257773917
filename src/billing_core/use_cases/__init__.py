"""Use cases: one verb a file. Each opens a unit of work, loads, decides with the domain, saves and commits."""
