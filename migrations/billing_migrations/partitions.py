"""Partitions that are made ahead, for whoever migrates; a worker makes them while it runs."""

import contextlib

import psycopg

__all__ = ["make_partitions"]


def make_partitions(dsn: str) -> int:
    """Make the partitions of this week and those after it; how many were missing. Raises `psycopg.Error`.

    None are made while somebody holds a table for long: a worker makes them later.
    """
    with contextlib.closing(psycopg.connect(dsn, autocommit=True)) as connection:
        try:
            row = connection.execute("SELECT billing_make_partitions()").fetchone()
        except psycopg.errors.LockNotAvailable:
            return 0
    return int(row[0]) if row else 0
