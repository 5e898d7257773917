"""The ports that Redis serves: only what may be lost."""
