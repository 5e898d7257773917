"""The composition root: settings and wiring. Nothing happens at import."""
