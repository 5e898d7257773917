"""The objects, kept as bytes: what is read is a copy, what is kept never changes by itself, and steps can be undone."""

from collections.abc import Iterator

import msgspec

from billing_sandbox.engine.objects import Obj, dig

_PRIVATE = "_private"
INDEXES: dict[str, tuple[str, ...]] = {
    "charge": ("customer", "payment_intent"),
    "checkout.session": ("customer", "subscription", "payment_intent", "status"),
    "customer": ("email", "test_clock"),
    "dispute": ("charge", "payment_intent"),
    "invoice": ("customer", "parent.subscription_details.subscription"),
    "invoice_payment": ("invoice", "payment.payment_intent"),
    "invoiceitem": ("customer", "invoice"),
    "payment_intent": ("customer",),
    "payment_method": ("customer",),
    "price": ("product", "lookup_key"),
    "refund": ("charge", "payment_intent"),
    "setup_intent": ("customer",),
    "subscription": ("customer", "test_clock"),
    "subscription_schedule": ("customer", "subscription"),
    "promotion_code": ("code",),
}
"""The fields, by kind, that `select` may ask for; everything else is found by reading through."""

_FIXED = frozenset({"charge", "dispute", "invoice", "invoice_payment", "refund", "subscription"})
"""Kinds whose indexed fields never change once the object exists."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict)


class Store:
    """All objects by kind and id, in the order of their creation, with an undo log while a step is under way."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, bytes]] = {}
        self._kinds: dict[str, str] = {}
        self._order: dict[str, int] = {}
        self._keys: dict[str, tuple[str | None, ...]] = {}
        self._index: dict[tuple[str, str, str], set[str]] = {}
        self._undo: list[tuple[str, str, bytes | None]] | None = None
        self._created = 0

    def find(self, kind: str, object_id: str) -> Obj | None:
        """A copy of the object, or None."""
        raw = self._tables.get(kind, {}).get(object_id)
        return None if raw is None else _decoder.decode(raw)

    def raw(self, kind: str, object_id: str) -> bytes:
        """The object's JSON text, as kept."""
        return self._tables[kind][object_id]

    def kind_of(self, object_id: str) -> str | None:
        """The kind of the object with this id."""
        return self._kinds.get(object_id)

    def put(self, obj: Obj) -> bytes:
        """Keep the object under its own kind and id, in place of what was there. Returns its JSON text."""
        raw = _encoder.encode(obj)
        self._write(obj["object"], obj["id"], raw, obj)
        return raw

    def put_raw(self, kind: str, object_id: str, raw: bytes) -> None:
        """Keep JSON text as it is; for kinds without indexes."""
        self._write(kind, object_id, raw, None)

    def remove(self, kind: str, object_id: str) -> None:
        """Forget the object."""
        self._write(kind, object_id, None, None)

    def private(self, object_id: str) -> Obj:
        """What the sandbox remembers about an object and Stripe's API does not show. Empty if nothing."""
        return self.find(_PRIVATE, object_id) or {}

    def put_private(self, object_id: str, notes: Obj) -> None:
        """Replace what is remembered about an object."""
        self._write(_PRIVATE, object_id, _encoder.encode(notes), None)

    def put_lasting(self, object_id: str, notes: Obj) -> None:
        """The same, and it stays although the step is undone: what was ordered of the sandbox and is used up."""
        undo, self._undo = self._undo, None
        self.put_private(object_id, notes)
        self._undo = undo

    def ids(self, kind: str) -> list[str]:
        """The ids of one kind, oldest first."""
        return list(self._tables.get(kind, {}))

    def select(self, kind: str, field: str, value: str) -> list[str]:
        """The ids of the objects whose indexed `field` has this value, oldest first."""
        return sorted(self._index.get((kind, field, value), ()), key=self._order.__getitem__)

    def each(self, kind: str) -> Iterator[Obj]:
        """Copies of all objects of one kind, oldest first."""
        for object_id in self.ids(kind):
            found = self.find(kind, object_id)
            if found is not None:
                yield found

    def begin(self) -> None:
        """Start noting what is overwritten, so that `rollback` can bring it back."""
        self._undo = []

    def commit(self) -> None:
        """Keep everything since `begin`."""
        self._undo = None

    def rollback(self) -> None:
        """Bring everything back to how it was at `begin`."""
        undo, self._undo = self._undo or [], None
        for kind, object_id, raw in reversed(undo):
            self._write(kind, object_id, raw, None)

    def savepoint(self) -> int:
        """A mark that `rollback_to` returns to, inside a step."""
        return len(self._undo or ())

    def rollback_to(self, savepoint: int) -> None:
        """Undo what was written since the mark and stay inside the step."""
        undo = self._undo or []
        self._undo = None
        for kind, object_id, raw in reversed(undo[savepoint:]):
            self._write(kind, object_id, raw, None)
        self._undo = undo[:savepoint]

    def dump(self) -> dict[str, list[tuple[str, bytes]]]:
        """Everything, for a snapshot: kind to (id, JSON text) pairs in order."""
        return {kind: list(table.items()) for kind, table in self._tables.items()}

    def restore(self, dumped: dict[str, list[tuple[str, bytes]]]) -> None:
        """Take over what `dump` gave, into an empty store."""
        for kind, rows in dumped.items():
            for object_id, raw in rows:
                self._write(kind, object_id, raw, None)

    def _write(self, kind: str, object_id: str, raw: bytes | None, obj: Obj | None) -> None:
        table = self._tables.setdefault(kind, {})
        if self._undo is not None:
            self._undo.append((kind, object_id, table.get(object_id)))
        if raw is None:
            table.pop(object_id, None)
            if kind != _PRIVATE:
                self._kinds.pop(object_id, None)
        else:
            if object_id not in table and kind != _PRIVATE:
                self._created += 1
                self._order[object_id] = self._created
                self._kinds[object_id] = kind
            table[object_id] = raw
        if kind in INDEXES and not (raw is not None and kind in _FIXED and object_id in self._keys):
            self._reindex(kind, object_id, None if raw is None else (obj or _decoder.decode(raw)))

    def _reindex(self, kind: str, object_id: str, obj: Obj | None) -> None:
        fields = INDEXES[kind]
        old = self._keys.pop(object_id, None) or (None,) * len(fields)
        new = (None,) * len(fields) if obj is None else tuple(dig(obj, field) for field in fields)
        for field, before, after in zip(fields, old, new, strict=True):
            if before == after:
                continue
            if before is not None:
                self._index[kind, field, before].discard(object_id)
            if after is not None:
                self._index.setdefault((kind, field, after), set()).add(object_id)
        if obj is not None:
            self._keys[object_id] = new
