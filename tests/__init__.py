"""The tests; helpers are imported as `tests.builders`, `tests.strategies`."""
