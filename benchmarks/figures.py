"""Figures: what was measured as a table in Markdown and as a plot in SVG, each rate as a ratio to its yardstick."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from html import escape

from attrs import field, frozen

__all__ = ["Bar", "Panel", "plot", "table"]

_LEFT, _WIDTH, _BAR, _GAP, _HEAD = 330, 420, 16, 10, 46
_OURS, _PEERS = "#2563eb", "#94a3b8"


@frozen(kw_only=True)
class Bar:
    """One contestant, over all rounds."""

    name: str
    #: Answers per second, by round, and the same as ratios to the yardstick of the same round.
    rates: Sequence[float]
    ratios: Sequence[float]
    #: Milliseconds: in the middle and at the 99th percentile at the greatest rate, and at 70 % of it, where known.
    p50: float | None = None
    p99: float | None = None
    p99_at_70: float | None = None
    #: What it does, and what not.
    does: str = ""
    #: Whether the plot shows it: not what is measured in something else than answers.
    plotted: bool = True

    @property
    def ours(self) -> bool:
        """Whether it is this project."""
        return self.name.startswith("ours")

    @property
    def ratio(self) -> float:
        """The median."""
        return statistics.median(self.ratios)


@frozen(kw_only=True)
class Panel:
    """Contestants that are compared with each other."""

    title: str
    #: What the ratios are to.
    yardstick: str
    bars: Sequence[Bar] = field(factory=tuple)


def table(panel: Panel) -> Iterator[str]:
    """Medians over the rounds, the spread of the ratios in brackets."""
    yield f"| {panel.title} | per second | of {panel.yardstick} | p50 ms | p99 ms | p99 at 70 % | what it does |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | --- |"
    for bar in panel.bars:
        spread = f"{bar.ratio:.2f} [{min(bar.ratios):.2f}, {max(bar.ratios):.2f}]"
        times = " | ".join(_milliseconds(one) for one in (bar.p50, bar.p99, bar.p99_at_70))
        yield f"| {bar.name} | {statistics.median(bar.rates):,.0f} | {spread} | {times} | {bar.does} |"


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def plot(panels: Sequence[Panel]) -> str:
    """Bars of the medians, with a line from the least to the greatest ratio; a panel below the other."""
    parts, top = [], 10
    for panel in panels:
        bars = [bar for bar in panel.bars if bar.plotted]
        scale = _WIDTH / max(1.0, *(max(bar.ratios) for bar in bars))
        one = _LEFT + scale
        height = len(bars) * (_BAR + _GAP)
        parts.append(_text(10, top + 16, f"{panel.title}, as a ratio to {panel.yardstick}", "font-weight='bold'"))
        parts.append(
            f"<line x1='{one:.0f}' x2='{one:.0f}' y1='{top + 26}' y2='{top + 30 + height}' stroke='#cbd5e1'"
            " stroke-dasharray='3 3'/>"
        )
        for place, bar in enumerate(bars):
            parts.extend(_bar(bar, top + 32 + place * (_BAR + _GAP), scale))
        top += _HEAD + height
    total = _LEFT + _WIDTH + 80
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{total}' height='{top}' viewBox='0 0 {total} {top}'"
        " font-family='system-ui, sans-serif' font-size='12' role='img'>"
        f"<title>{escape('; '.join(panel.title for panel in panels))}</title>"
        f"<rect width='{total}' height='{top}' fill='white'/>"
    )
    return "\n".join([head, *parts, "</svg>\n"])


def _bar(bar: Bar, top: float, scale: float) -> Iterator[str]:
    width, middle = max(1.0, bar.ratio * scale), top + _BAR / 2
    least, greatest = (_LEFT + value * scale for value in (min(bar.ratios), max(bar.ratios)))
    yield _text(_LEFT - 8, top + 12, bar.name, "text-anchor='end'")
    yield f"<rect x='{_LEFT}' y='{top}' width='{width:.1f}' height='{_BAR}' fill='{_OURS if bar.ours else _PEERS}'/>"
    stroke = "stroke='#0f172a' stroke-width='1.5'"
    yield f"<line x1='{least:.1f}' x2='{greatest:.1f}' y1='{middle}' y2='{middle}' {stroke}/>"
    yield _text(max(_LEFT + width, greatest) + 6, top + 12, f"{bar.ratio:.2g}")


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f"<text x='{x:.0f}' y='{y:.0f}' fill='#0f172a' {more}>{escape(text)}</text>"
