"""Rate-distortion plots as SVG, for a page that defines their colours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 460, 330
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 16, 46
"""Room around the axes."""

EXACT_ROOM = 28
"""Room above the scale for exact files, whose PSNR is infinite."""

MOST_TICKS = 8
"""Most ticks along bits a pixel; the numbers of more would collide."""


@dataclass(frozen=True, slots=True)
class Point:
    """A file: its bits a pixel, its quality (inf: exact), a short label or "", and a tooltip."""

    rate: float
    quality: float
    label: str
    title: str


@dataclass(frozen=True, slots=True)
class Series:
    """The files of one codec; `style`, from 0 on, is a class that the page gives a colour."""

    name: str
    style: int
    points: Sequence[Point]


MARKS = (
    "M-4 0A4 4 0 1 1 4 0A4 4 0 1 1-4 0Z",  # circle
    "M-3 0A3 3 0 1 1 3 0A3 3 0 1 1-3 0Z",  # a smaller one
    "M-3.5-3.5H3.5V3.5H-3.5Z",  # square
    "M0-4.5L4.5 3.5H-4.5Z",  # triangle
    "M0 4.5L4.5-3.5H-4.5Z",  # triangle upside down
    "M0-5L5 0L0 5L-5 0Z",  # diamond
    "M-4.5-1.3H-1.3V-4.5H1.3V-1.3H4.5V1.3H1.3V4.5H-1.3V1.3H-4.5Z",  # plus
    "M-4-2.2L-2.2-4L0-1.8L2.2-4L4-2.2L1.8 0L4 2.2L2.2 4L0 1.8L-2.2 4L-4 2.2L-1.8 0Z",  # cross
)
"""A shape for each style, as paths around (0, 0)."""


def mark(style: int) -> str:
    """Return the mark of a style, for a legend."""
    shape = f'<path d="{MARKS[style]}"/>'
    return f'<svg class="mark s{style}" viewBox="-6 -6 12 12" aria-hidden="true">{shape}</svg>'


def plot(series: Sequence[Series], quality: str, unit: str, name: str) -> str:
    """Return a plot of a quality against bits a pixel, on a scale of powers of two; "" for no points.

    `name` describes it to those who can't see it.
    """
    points = [point for one in series for point in one.points]
    if not points:
        return ""
    scale = _Scale.of(points)
    label = f"{quality}, {unit}" if unit else quality
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(name)}">',
        *_axes(scale),
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2:g}" y="{HEIGHT - 8}">bits a pixel</text>',
        f'<text class="axis" transform="translate(13 {middle:g}) rotate(-90)">{escape(label)}</text>',
        *(_drawn(one, scale) for one in reversed(series)),  # the first is on top
        *(_labels(one, scale) for one in series),
        "</svg>",
    ]
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Scale:
    """From bits a pixel and a quality to places in the plot."""

    rates: tuple[int, int]
    qualities: tuple[float, float]
    step: float
    exact: bool

    @classmethod
    def of(cls, points: Sequence[Point]) -> _Scale:
        """Return a scale that holds all the points and ends on ticks."""
        rates = [math.log2(point.rate) for point in points]
        finite = [point.quality for point in points if math.isfinite(point.quality)] or [0.0]
        step = _nice_step((max(finite) - min(finite)) / 5)
        low, high = math.floor(min(finite) / step) * step, math.ceil(max(finite) / step) * step
        high = high if high > low else low + step
        first = math.floor(min(rates) - 0.25)  # room for a label on the left
        last = max(math.ceil(max(rates)), first + 1)
        return cls((first, last), (low, high), step, any(math.isinf(point.quality) for point in points))

    def x(self, rate: float) -> float:
        first, last = self.rates
        return LEFT + (math.log2(rate) - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(self, quality: float) -> float:
        if math.isinf(quality):
            return TOP + 6.0
        low, high = self.qualities
        top = TOP + (EXACT_ROOM if self.exact else 0)
        return HEIGHT - BOTTOM - (quality - low) / (high - low) * (HEIGHT - BOTTOM - top)


def _nice_step(wanted: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at least `wanted`."""
    if wanted <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= wanted * 0.999)


def _axes(scale: _Scale) -> list[str]:
    parts = []
    first, last = scale.rates
    for exponent in range(first, last + 1, -(-(last - first) // MOST_TICKS)):
        x = scale.x(2.0**exponent)
        text = f"{2**exponent}" if exponent >= 0 else f"1/{2**-exponent}"
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}">{text}</text>')
    low, high = scale.qualities
    digits = max(0, -math.floor(math.log10(scale.step)))
    ticks = [(f"{low + n * scale.step:.{digits}f}", low + n * scale.step)
             for n in range(round((high - low) / scale.step) + 1)]  # fmt: skip
    for text, quality in [*ticks, *([("exact", math.inf)] if scale.exact else [])]:
        y = scale.y(quality)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="tick side" x="{LEFT - 7}" y="{y + 4:.1f}">{text}</text>')
    return parts


def _drawn(one: Series, scale: _Scale) -> str:
    places = [(scale.x(point.rate), scale.y(point.quality)) for point in one.points]
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    marks = "".join(
        f'<path class="mark" transform="translate({x:.1f} {y:.1f})" d="{MARKS[one.style]}">'
        f"<title>{escape(point.title)}</title></path>"
        for (x, y), point in zip(places, one.points, strict=True)
    )
    return f'<g class="s{one.style}"><path class="line" d="M{line}"/>{marks}</g>'


def _labels(one: Series, scale: _Scale) -> str:
    """Return the points' labels, without those that would cover another."""
    parts: list[str] = []
    placed: list[tuple[float, float]] = []
    for point in one.points:
        x, y = scale.x(point.rate) - 6, scale.y(point.quality) - 6
        if point.label and not any(abs(x - left) < 22 and abs(y - top) < 12 for left, top in placed):
            placed.append((x, y))
            parts.append(f'<text class="label" x="{x:.1f}" y="{y:.1f}">{escape(point.label)}</text>')
    return "".join(parts)
