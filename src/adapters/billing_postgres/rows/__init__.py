"""Rows: for each table of derived accounts, which column holds what."""
