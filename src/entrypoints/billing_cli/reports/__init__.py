"""Reports to look at: in a terminal, as CSV, and as a page."""
