"""Plots in SVG: the same bytes for the same results, legible on white and on black."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.report import (
    palette_tables,
    rd_tables,
    size_tables,
)
from bench.report.means import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREY = "#808080"  # four to one against white as against black
COLOURS = ("#d2691e", "#2a8fbd", "#4f9d3a", "#b0609f", "#c0392b", "#8a7f1f", "#5c7cfa", "#17a398", "#e08fb0")
OURS = COLOURS[0]
MARKS = "os^vDPX*<"


@contextmanager
def drawn(path: Path, width: float, height: float) -> Iterator[Axes]:
    """Give axes to draw on, and write them."""
    import matplotlib as mpl  # noqa: PLC0415  it takes long to import
    from matplotlib.figure import Figure  # noqa: PLC0415

    look = {
        "svg.hashsalt": "kmq",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.grid": True,
        "grid.alpha": 0.35,
        "grid.linewidth": 0.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "savefig.transparent": True,
        **dict.fromkeys(
            ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color", "grid.color"),
            GREY,
        ),
    }
    with mpl.rc_context(look):
        figure = Figure((width, height), layout="constrained")
        yield figure.add_subplot()
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    path.write_bytes(b"\n".join(line.rstrip() for line in out.getvalue().splitlines()) + b"\n")


def size_plot(found: dict[str, Any], path: Path) -> None:
    """Draw, for each class, the first coding's bytes as ratios to the smallest image peer's."""
    ours = size_tables.codings_of(found)[0]
    classes = sorted({name.split("/")[0] for name, *_ in found["rows"]})
    peers = [size_tables.SMALLEST, *size_tables.BEST]
    scatter = random.Random(0)  # noqa: S311  so that equal ones don't hide each other
    with drawn(path, 7, 0.55 * len(classes) + 1.2) as axes:
        for place, kind in enumerate(classes):
            for lane, peer in enumerate(peers):
                pairs = size_tables.against(found, ours, peer, [kind]).pairs
                heights = [place + 0.3 - 0.15 * lane + scatter.uniform(-0.03, 0.03) for _ in pairs]
                label = peer.replace(size_tables.SMALLEST, "the smallest of these") if place == 0 else None
                colour = OURS if lane == 0 else COLOURS[lane]
                values = [ratio for ratio, _ in pairs]
                axes.scatter(
                    values,
                    heights,
                    12 if lane else 18,
                    colour,
                    MARKS[lane],
                    linewidths=0,
                    label=label,
                    alpha=0.8,
                )
        axes.axvline(1, color=GREY, linewidth=1)
        axes.set_yticks(range(len(classes)), classes)
        axes.set_ylim(len(classes) - 0.5, -0.5)
        axes.set_xlabel(f"bytes of {ours} / those of a peer, for each plane (left of 1: kmq is smaller)")
        axes.legend(loc="lower center", ncols=3, bbox_to_anchor=(0.5, 1), frameon=False, fontsize=8)


def error_plot(found: dict[str, Any], path: Path) -> None:
    """Draw each tool's squared error as a ratio to kmq's, against k."""
    named = [*palette_tables.peers_of(found), "kmq srgb, thorough", "kmq srgb, fast"]
    tools = [tool for tool in named if palette_tables.against(found, tool, "kmq srgb").pairs]
    ks = palette_tables.ks_of(found)
    with drawn(path, 7, 4.2) as axes:
        for place, tool in enumerate(tools):
            means = [palette_tables.against(found, tool, "kmq srgb", k=k).mean for k in ks]
            ours = tool.startswith("kmq")
            style = {
                "color": OURS if ours else COLOURS[1 + place % 8],
                "marker": MARKS[place % 9],
                "markersize": 4,
            }
            axes.plot(ks, means, label=tool, linestyle="--" if ours else "-", linewidth=1.1, **style)
        axes.axhline(1, color=OURS, linewidth=1.5, label="kmq srgb")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log", base=2)
        axes.set_xticks(ks, map(str, ks))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("k")
        axes.set_ylabel("squared error / that of kmq srgb")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=7.5)


def rd_plot(found: dict[str, Any], path: Path, what: int) -> None:
    """Draw quality against bits a pixel, a curve for each way, means over the pictures."""
    with drawn(path, 7, 4.6) as axes:
        for place, way in enumerate(found["ways"]):
            points = rd_tables.curve(found, way, what)
            ours = way.startswith("kmq")
            colour = OURS if ours else COLOURS[place - 1]
            style = {
                "color": colour,
                "marker": MARKS[place],
                "markersize": 4,
                "linewidth": 1.8 if ours else 1.1,
            }
            line = "--" if "dithered" in way else "-"
            axes.plot([rate for rate, _ in points], [q for _, q in points], line, label=way, **style)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel("bits a pixel (geometric mean over the pictures)")
        axes.set_ylabel(rd_tables.LONG[what])
        if what == rd_tables.SCORE:
            axes.set_ylim(bottom=-40)
        axes.legend(loc="lower right", frameon=False, fontsize=8)


def growth_plot(rows: list[list[Any]], path: Path, unit: str) -> None:
    """Draw seconds against megapixels or k, a curve for each tool; rows are tool, size and seconds."""
    with drawn(path, 7, 4.2) as axes:
        for place, tool in enumerate(dict.fromkeys(row[0] for row in rows)):
            points = [(size, number(seconds)) for name, size, seconds, *_ in rows if name == tool]
            whole = [(size, seconds) for size, seconds in points if seconds]
            ours = tool.startswith("kmq")
            style = {
                "color": OURS if ours else COLOURS[1 + place % 8],
                "marker": MARKS[place % 9],
                "markersize": 4,
            }
            line = "-" if not ours or place == 0 else ("--", ":", "-.")[place % 3]
            axes.plot([s for s, _ in whole], [s for _, s in whole], line, label=tool, linewidth=1.2, **style)
        axes.set_xscale("log", base=10 if unit == "megapixels" else 2)
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlabel(unit)
        axes.set_ylabel("processor's seconds")
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
