"""The commands of `billing`, one area a file. Each is imported when it is called."""
