"""Small drawings as SVG text: no script, colours by class, a title and a description for who cannot see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import count

from attrs import define, field, frozen

__all__ = ["HALF", "WHOLE", "Box", "Canvas", "Scale", "compact", "ticks"]

#: A drawing that stands beside another one, and one that has the whole width: about as many pixels as on the page.
HALF, WHOLE = 520, 1100
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 16, 28
_TICKS = 4
_LABELS_MAX = 8
_STEPS = (1, 2, 5, 10)
_ids = count(1)


def ticks(low: int, high: int) -> list[int]:
    """Round whole numbers that span from ``low`` to ``high``, about four of them."""
    span = max(high - low, 1)
    power = 10 ** max(len(str(span // _TICKS)) - 1, 0)
    step = next(power * step for step in _STEPS if power * step * _TICKS >= span)
    first = low // step
    return [step * place for place in range(first, -(-high // step) + 1)]


def compact(number: int, places: int = 0, suffix: str = "") -> str:
    """A number of minor units, or anything with so many decimals, in few letters: ``12k``, ``1.5M``."""
    size, sign = abs(number), "-" if number < 0 else ""
    whole = 10**places
    for unit, letter in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")):
        if size >= unit * whole:
            tenths = round(size * 10 / (unit * whole))
            return f"{sign}{tenths // 10}{f'.{tenths % 10}' if tenths % 10 else ''}{letter}{suffix}"
    if size % whole == 0:
        return f"{sign}{size // whole}{suffix}"
    return f"{sign}{size / whole:.{min(places, 1)}f}{suffix}"


@frozen
class Scale:
    """From values to heights; the lowest tick is at the bottom."""

    marks: Sequence[int]
    height: int

    def y(self, value: float) -> float:
        """Where a value stands, in pixels from the top."""
        low, high = self.marks[0], self.marks[-1]
        share = (value - low) / (high - low or 1)
        return round(_TOP + (1 - share) * (self.height - _TOP - _BOTTOM), 1)


@frozen
class Box:
    """Where a bar stands, in pixels; which of top and bottom is the higher one does not matter."""

    x: float
    width: float
    top: float
    bottom: float


@define
class Canvas:
    """One drawing, with its axes."""

    title: str
    description: str
    height: int = 230
    width: int = HALF
    _parts: list[str] = field(factory=list, init=False)

    def x(self, place: int, places: int) -> float:
        """The middle of one of so many equal stretches."""
        return round(_LEFT + (place + 0.5) * self.step(places), 1)

    def step(self, places: int) -> float:
        """The width of one of so many equal stretches."""
        return (self.width - _LEFT - _RIGHT) / max(places, 1)

    def axes(self, scale: Scale, labels: Sequence[str], *, places: int = 0, suffix: str = "") -> None:
        """Lines at the marks, and what stands below; only as many words as there is room for."""
        for mark in scale.marks:
            y = scale.y(mark)
            kind = "zero" if mark == 0 else "grid"
            self.put(f'<line class="{kind}" x1="{_LEFT}" x2="{self.width - _RIGHT}" y1="{y}" y2="{y}"/>')
            self.text(_LEFT - 8, y + 4, compact(mark, places, suffix), "end")
        every = -(-len(labels) // _LABELS_MAX)
        for place, label in enumerate(labels):
            if place % every == 0:
                self.text(self.x(place, len(labels)), self.height - 10, label, kind="below")

    def text(self, x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> None:
        """Words."""
        named = f' class="{kind}"' if kind else ""
        self.put(f'<text{named} x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>')

    def bar(self, box: Box, kind: str, tip: str) -> None:
        """An upright bar; what it says is shown to whoever points at it."""
        top, bottom = sorted((box.top, box.bottom))
        height = round(max(bottom - top, 0.6), 1)
        place = f'x="{round(box.x, 1)}" y="{top}" width="{round(box.width, 1)}"'
        self.put(f'<rect class="{kind}" {place} height="{height}" rx="2"><title>{escape(tip)}</title></rect>')

    def line(self, points: Iterable[tuple[float, float]], kind: str) -> None:
        """A line through points."""
        path = " ".join(f"{x},{y}" for x, y in points)
        self.put(f'<polyline class="{kind}" points="{path}"/>')

    def area(self, points: Sequence[tuple[float, float]], bottom: float, kind: str) -> None:
        """What lies below a line."""
        path = " ".join(f"{x},{y}" for x, y in points)
        self.put(f'<polygon class="{kind}" points="{points[0][0]},{bottom} {path} {points[-1][0]},{bottom}"/>')

    def dot(self, x: float, y: float, kind: str, tip: str) -> None:
        """A point that tells its value."""
        self.put(f'<circle class="{kind}" cx="{x}" cy="{y}" r="3.5"><title>{escape(tip)}</title></circle>')

    def put(self, part: str) -> None:
        """Add something that is SVG already."""
        self._parts.append(part)

    def drawn(self) -> str:
        """The whole drawing."""
        number = next(_ids)
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-labelledby="t{number} d{number}">'
            f'<title id="t{number}">{escape(self.title)}</title><desc id="d{number}">{escape(self.description)}</desc>'
            f"{''.join(self._parts)}</svg>"
        )
