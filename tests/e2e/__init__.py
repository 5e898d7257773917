"""Tests of everything at once. A package, so that its servers are stopped when the last of its tests has run."""
