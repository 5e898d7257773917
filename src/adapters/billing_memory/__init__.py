"""Every port in plain Python: verified fakes, for tests and for trying things out."""
