"""A payment provider in memory: stateful, small, and as obedient or as difficult as a test wants it."""
