"""The fake provider's state: its objects, and what it tells of each change."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import TypeVar

from billing_core.domain.errors import ProviderRefused, SignatureInvalid
from billing_core.domain.facts import (
    LOOKED_UP,
    SNAPSHOT_TYPES,
    Fact,
    ObjectKind,
    ObjectRef,
    PaymentMethodSeen,
    Snapshot,
)
from billing_core.domain.received import Delivery
from billing_core.ports.clock import Clock

__all__ = ["World"]

S = TypeVar("S", bound=Snapshot)
_KINDS: dict[type, ObjectKind] = {snapshot: kind for kind, snapshot in SNAPSHOT_TYPES.items()}

#: How far from the present a signature may have been made, as at the real provider.
_TOLERANCE = timedelta(seconds=300)


class World:
    """All objects of one account of the provider, and the events that were told of them."""

    def __init__(self, clock: Clock, *, account_id: str = "acct_fake", webhook_secret: str) -> None:
        self.clock = clock
        self.account_id = account_id
        self._webhook_secret = webhook_secret
        self._objects: dict[ObjectRef, Snapshot] = {}
        self._events: dict[str, Delivery] = {}
        self._outgoing: list[Delivery] = []
        self._ids = 0

    def now(self) -> datetime:
        """The present whole second: the provider counts no finer."""
        return self.clock.now().replace(microsecond=0)

    def new_id(self, prefix: str) -> str:
        """An id of the provider's kind. Like the provider's, ids do not sort by age."""
        self._ids += 1
        return f"{prefix}_{hashlib.sha256(str(self._ids).encode()).hexdigest()[:16]}"

    def find(self, kind: type[S], identity: str | None) -> S | None:
        """One object as it is now, if there is one."""
        found = self._objects.get(ObjectRef(_KINDS[kind], identity)) if identity else None
        return found if isinstance(found, kind) else None

    def get(self, kind: type[S], identity: str) -> S:
        """One object as it is now. Raises `ProviderRefused` with ``resource_missing`` where there is none."""
        found = self.find(kind, identity)
        if found is None:
            raise ProviderRefused(f"No such {_KINDS[kind]}: {identity!r}.", code="resource_missing")
        return found

    def all(self, kind: type[S]) -> list[S]:
        """Every object of one kind, oldest first."""
        return [found for found in self._objects.values() if isinstance(found, kind)]

    def everything(self) -> list[Snapshot]:
        """Every object, oldest first."""
        return list(self._objects.values())

    def log(self) -> list[Delivery]:
        """Every event that was ever told, oldest first."""
        return list(self._events.values())

    def put(self, after: S) -> S:
        """Change an object without telling of it: what makes no event."""
        self._objects[ObjectRef(_KINDS[type(after)], after.id)] = after
        return after

    def forget(self, ref: ObjectRef) -> None:
        """Lose an object, as if it were of another account: it is unknown from now on, and nothing is told."""
        del self._objects[ref]

    def tell(self, event_type: str, after: S) -> S:
        """Change an object, and tell of it with an event. An ``….updated`` tells the object before it too."""
        ref = ObjectRef(_KINDS[type(after)], after.id)
        before = self._objects.get(ref) if event_type.endswith(".updated") else None
        if event_type == "payment_method.detached" and isinstance(after, PaymentMethodSeen):
            before = self._objects.get(ref)
        fact = Fact(id=self.new_id("evt"), type=event_type, occurred_at=self.now(), before=before, after=after)
        self._send(event_type, fact.id, fact)
        return self.put(after)

    def tell_nothing(self, event_type: str, *, livemode: bool = False, account: str = "") -> Delivery:
        """Send an event of a kind that is not read, or one of the other mode or of another account."""
        ignored = "It is of another mode or account." if livemode or account else None
        return self._send(event_type, self.new_id("evt"), None, livemode=livemode, account=account, ignored=ignored)

    def take_deliveries(self) -> list[Delivery]:
        """The events since the last call, oldest first: for a test to deliver, hold back, repeat or shuffle."""
        taken, self._outgoing = self._outgoing, []
        return taken

    def fact_of(self, ref: ObjectRef, fact_type: str = LOOKED_UP, fact_id: str = "") -> Fact | None:
        """An object as it is now, as an answer to us rather than an event."""
        found = self._objects.get(ref)
        if found is None:
            return None
        return Fact(id=fact_id or self.new_id("look"), type=fact_type, occurred_at=self.now(), after=found)

    def sign(self, payload: bytes, at: datetime) -> str:
        """The signature header of a webhook sent at this real time."""
        stamp = str(int(at.timestamp()))
        return f"t={stamp},v1={self._digest(stamp, payload)}"

    def read(self, payload: bytes, signature: str, now: datetime) -> Delivery:
        """The event in a webhook. Raises `SignatureInvalid`."""
        stamp, _, digest = signature.removeprefix("t=").partition(",v1=")
        if not (stamp.isascii() and stamp.isdigit() and digest.isascii()):
            raise SignatureInvalid
        if not hmac.compare_digest(digest, self._digest(stamp, payload)):
            raise SignatureInvalid
        if abs(now.timestamp() - int(stamp)) > _TOLERANCE.total_seconds():
            raise SignatureInvalid
        return self.delivery_of(payload)

    def delivery_of(self, payload: bytes) -> Delivery:
        """The event in a webhook that is verified. Raises `SignatureInvalid` for one that was never sent."""
        try:
            return self._events[json.loads(payload)["id"]]
        except (ValueError, KeyError, TypeError):
            raise SignatureInvalid from None

    def _digest(self, stamp: str, payload: bytes) -> str:
        return hmac.new(self._webhook_secret.encode(), stamp.encode() + b"." + payload, hashlib.sha256).hexdigest()

    def _send(
        self,
        event_type: str,
        event_id: str,
        fact: Fact | None,
        *,
        livemode: bool = False,
        account: str = "",
        ignored: str | None = None,
    ) -> Delivery:
        delivery = Delivery(
            event_id=event_id,
            type=event_type,
            account=account,
            livemode=livemode,
            api_version="fake",
            created=self.now(),
            fact=fact,
            payload=json.dumps({"id": event_id, "type": event_type}).encode(),
            ignored=ignored,
        )
        self._events[event_id] = delivery
        self._outgoing.append(delivery)
        return delivery
