"""Rehearsals: whole stories on the real adapters, played against the sandbox's clock."""
