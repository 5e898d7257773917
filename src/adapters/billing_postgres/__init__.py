"""The ports that PostgreSQL keeps."""
