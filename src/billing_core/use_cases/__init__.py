"""What the product does, one verb a file: open, load, decide, save, commit."""
