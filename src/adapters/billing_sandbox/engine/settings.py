"""What an account's owner sets in the Dashboard, and the sandbox's control API sets here."""

from attrs import asdict, evolve, frozen

from billing_sandbox.engine.objects import Obj


@frozen(kw_only=True)
class Settings:
    """The account's choices."""

    #: Days after the first failure on which a renewal is tried again: eight in two weeks, as Stripe recommends.
    retry_days: tuple[int, ...] = (1, 3, 5, 7, 9, 11, 13, 14)
    #: What becomes of a subscription after the last try: `cancel`, `unpaid` or `past_due`.
    after_retries: str = "cancel"
    #: Seconds that a renewal's invoice stays a draft.
    draft_seconds: int = 3600
    #: Days before a renewal on which `invoice.upcoming` is sent; 0 for never.
    upcoming_days: int = 7
    #: Whether a lost dispute, or one that is opened, cancels the subscription it was paid for.
    cancel_on_dispute: bool = False

    def to_json(self) -> Obj:
        """As a JSON object."""
        return asdict(self) | {"retry_days": list(self.retry_days)}

    def changed(self, changes: Obj) -> "Settings":
        """These settings with some replaced.

        Raises:
            ValueError: A name or value is not known.
        """
        known = asdict(self)
        for name, value in changes.items():
            if name not in known:
                message = f"unknown setting {name!r}: known are {', '.join(known)}"
                raise ValueError(message)
            if name == "after_retries" and value not in {"cancel", "unpaid", "past_due"}:
                message = "after_retries must be cancel, unpaid or past_due"
                raise ValueError(message)
        tidy = dict(changes)
        if "retry_days" in tidy:
            tidy["retry_days"] = tuple(int(day) for day in tidy["retry_days"])
        return evolve(self, **tidy)
