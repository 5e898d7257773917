"""`billing reconcile`."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter

from billing_bootstrap.application import Application
from billing_cli.asking import ask_first
from billing_cli.desk import opened
from billing_cli.options import CHANGING, Changing, UserId
from billing_cli.printing import show_json, show_rows
from billing_cli.progress import Bar
from billing_cli.reading import moment_of
from billing_core.domain.reconciliation import Finding, Found, Progress
from billing_core.use_cases.reconcile import Step

__all__ = ["reconcile"]

_COLUMNS = ("whose", "object", "found", "field", "ours", "stripe", "mended", "note")
_FOUND = {
    Found.DIFFERS: "differs",
    Found.UNHEARD_OF: "never heard of",
    Found.UNKNOWN_THERE: "Stripe does not know it",
}


class FieldShape(msgspec.Struct, frozen=True):
    """A field that differs."""

    field: str
    ours: str | None
    stripe: str | None


class FindingShape(msgspec.Struct, frozen=True):
    """An object that differs, that we never heard of, or that Stripe does not know."""

    whose: str
    kind: str
    stripe_id: str
    found: str
    differences: tuple[FieldShape, ...]
    mended: bool
    note: str | None


class Report(msgspec.Struct, frozen=True):
    """What a run found. The numbers are of the whole run, also of what was done before it was left off."""

    compared: int
    differing: int
    unknown_to_stripe: int
    findings: tuple[FindingShape, ...]


async def reconcile(
    *,
    user: UserId | None = None,
    since: str | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    options: Changing = CHANGING,
) -> None:
    """Compare with Stripe, object by object, and mend what differs. What Stripe does not know is told, never changed.

    A run that was killed or interrupted goes on where it was, for a day; one with --dry-run changes nothing.

    For example:

        billing reconcile --dry-run
        billing reconcile --user learner-1
        billing reconcile --since 2026-11-17

    Args:
        user: One user; everybody, the catalog, and customers that we never heard of unless given.
        since: Only what Stripe's log has an event of since then. It goes back 30 days; before that, everything.
        dry_run: Only tell.
        options: How it is asked and shown.
    """
    moment, actor = moment_of(since), options.caller.user_id
    if not dry_run:
        ask_first("Compare with Stripe and mend what differs?", yes=options.yes)
    findings: list[FindingShape] = []
    progress: Progress | None = None
    async with opened() as application:
        begun = application.clock.now()
        if user is not None:
            found = await application.reconcile.user(user, actor=actor, dry_run=dry_run)
            findings += [_shape(user, one) for one in found]
        else:
            bar = Bar("users")
            async for step in _run(application, moment, actor, dry_run=dry_run):
                bar.show(step.users_done, step.users, f"{step.progress.differing} differ")
                progress = step.progress
                findings += [_shape(step.whose, one) for one in step.findings]
            bar.clear()
    report = _report(findings, progress)
    if options.json:
        show_json(report)
    else:
        _tell(report, dry_run=dry_run)
        if progress is not None and progress.begun_at < begun:
            sys.stdout.write(
                f"It went on with the run that began at {progress.begun_at:%Y-%m-%d %H:%M:%S} UTC, and counts it in.\n"
            )


def _run(application: Application, since: datetime | None, actor: str, *, dry_run: bool) -> AsyncIterator[Step]:
    worker = f"cli:{socket.gethostname()}:{os.getpid()}"
    if since is None:
        return application.reconcile.everything(actor=actor, worker=worker, dry_run=dry_run)
    return application.reconcile.since(since, actor=actor, worker=worker, dry_run=dry_run)


def _report(findings: list[FindingShape], progress: Progress | None) -> Report:
    unknown = sum(one.found == Found.UNKNOWN_THERE for one in findings)
    return Report(
        compared=progress.compared if progress else 1,
        differing=progress.differing if progress else len(findings) - unknown,
        unknown_to_stripe=progress.unknown if progress else unknown,
        findings=tuple(findings),
    )


def _tell(report: Report, *, dry_run: bool) -> None:
    rows = [row for one in report.findings for row in _rows(one)]
    if rows:
        show_rows(rows, _COLUMNS, none="")
    mended = sum(one.mended for one in report.findings)
    verdict = "nothing was changed" if dry_run else f"{mended} of them mended"
    sys.stdout.write(
        f"{report.differing} objects differ, {verdict}. {report.unknown_to_stripe} are unknown to Stripe.\n"
    )


def _rows(one: FindingShape) -> list[dict[str, object]]:
    told = {
        "whose": one.whose,
        "object": f"{one.kind} {one.stripe_id}",
        "found": _FOUND[Found(one.found)],
        "mended": one.mended,
        "note": one.note,
    }
    fields = one.differences or (FieldShape("", None, None),)
    return [{**told, "field": each.field or None, "ours": each.ours, "stripe": each.stripe} for each in fields]


def _shape(whose: str, finding: Finding) -> FindingShape:
    return FindingShape(
        whose=whose,
        kind=finding.ref.kind,
        stripe_id=finding.ref.id,
        found=finding.found,
        differences=tuple(FieldShape(one.field, one.ours, one.theirs) for one in finding.differences),
        mended=finding.mended,
        note=finding.note,
    )
