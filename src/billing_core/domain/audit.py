"""The audit log: what changed, what caused it, and who."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

__all__ = ["AuditEntry", "Cause"]


@frozen(kw_only=True)
class Cause:
    """What made a change."""

    #: ``event``, ``operation``, ``grant``, ``catalog``, ``rebuild``, ``link``, ``erase``, ``step`` or
    #: ``reconciliation``.
    kind: str
    #: The event, operation or grant; empty where the kind says it all.
    id: str = ""
    #: The user, operator or process that asked for it; ``provider`` for what came by webhook.
    actor: str
    #: In the words of whoever asked.
    reason: str | None = None


@frozen(kw_only=True)
class AuditEntry:
    """One commit that changed something of a user's."""

    user_id: str
    at: datetime
    cause: Cause
    #: What changed: for each row, what it was and what it is, only the fields that differ.
    changes: Mapping[str, Mapping[str, tuple[str | None, str | None]]] = field(factory=dict)
