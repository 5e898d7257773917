"""The use cases over HTTP."""
