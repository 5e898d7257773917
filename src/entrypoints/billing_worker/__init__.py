"""The loops that finish what was started."""
