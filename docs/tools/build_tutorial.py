"""Runs the tutorial: what its code prints goes into tutorial.md, its pictures into images/.

python docs/tools/build_tutorial.py, where kmq is installed with its extra `test`, which has matplotlib.
tests/project/test_tutorial.py runs the same code and compares.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from threadpoolctl import threadpool_limits

Colours: TypeAlias = NDArray[np.float64]
"""A palette, (k, 3): what KMeans found, or our own loop."""

HERE = Path(__file__).parents[1]
FENCED = re.compile(r"^```(python|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)

MARGIN = 12
PAPER, INK = (255, 255, 255), (34, 34, 34)
BLUE, ORANGE, GREY = "#2f6f9f", "#c8641e", "#8a8f94"


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of Python of the tutorial, what stands under it as printed, and where that stands."""

    line: int
    code: str
    shown: str
    place: tuple[int, int] | None


def blocks(text: str) -> list[Block]:
    """Return the Python of `text` in its order, each with the block of type `text` that follows it."""
    found: list[Block] = []
    for match in FENCED.finditer(text):
        if match[1] == "python":
            found.append(Block(text.count("\n", 0, match.start(2)), match[2], "", None))
        elif not found or found[-1].place is not None:
            raise ValueError(f"what is printed at offset {match.start()} follows no code")
        else:
            last = found[-1]
            found[-1] = Block(last.line, last.code, match[2], match.span(2))
    return found


def run(pieces: list[Block]) -> tuple[dict[str, Any], list[str]]:
    """Run all in one namespace, in a folder of its own, and return the namespace and what each printed.

    On one thread, so that the seconds are those of one core.
    """
    names: dict[str, Any] = {"__name__": "tutorial"}
    printed = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), threadpool_limits(1):
        for piece in pieces:
            code = compile("\n" * piece.line + piece.code, "tutorial.md", "exec")
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(code, names)  # noqa: S102  our own text
            printed.append(output.getvalue())
    return names, printed


def with_printed(text: str, pieces: list[Block], printed: list[str]) -> str:
    """Return `text` with what was printed in place of what it showed."""
    for piece, output in zip(reversed(pieces), reversed(printed), strict=True):
        if piece.place is None:
            if output:
                raise ValueError(f"the code at line {piece.line} prints, and the tutorial doesn't show what")
            continue
        text = text[: piece.place[0]] + output + text[piece.place[1] :]
    return text


def pictures(names: dict[str, Any], folder: Path) -> None:
    """Draw the tutorial's pictures from what its code left in `names`."""
    start, end = names["start"], names["palette8"]
    path = _path(names, start)
    four = [
        (f"the start, 8 pixels: MSE {_error(names, start):,.0f}", start),
        (f"after 1 iteration: MSE {_error(names, path[1]):,.0f}", path[1]),
        (f"after 5 iterations: MSE {_error(names, path[5]):,.0f}", path[5]),
        (f"after {len(path) - 1} iterations: MSE {_error(names, end):,.0f}", end),
    ]
    _save_grid([_panel(names, *each, width=340) for each in four], folder / "tutorial-steps.webp")
    k8, best8, k16 = (names[name].cluster_centers_ for name in ("k8", "best8", "k16"))
    four = [
        ("original, 24 bits a pixel", None),
        (f"K = 8, random_state=0: MSE {_error(names, k8):,.0f}", k8),
        (f"K = 8, best of five: MSE {_error(names, best8):,.0f}", best8),
        (f"K = 16: MSE {_error(names, k16):,.0f}", k16),
    ]
    _save_grid([_panel(names, *each, width=340) for each in four], folder / "tutorial-k8-k16.webp")
    _save_plot(_space(names, path), folder / "tutorial-space.webp", lossless=False)
    _save_plot(_starts(names["runs"]), folder / "tutorial-starts.webp")
    _save_plot(_sizes(names["table"]), folder / "tutorial-k.webp")


def _path(names: dict[str, Any], palette: Colours) -> list[Colours]:
    """Return the palettes of the first run, from the start to the last."""
    path = [palette]
    while len(path) < 2 or not np.array_equal(path[-1], path[-2]):
        indices, _ = names["assign"](names["distinct"], path[-1])
        path.append(names["update"](names["distinct"], names["counts"], indices, path[-1]))
    return path[:-1]


def _error(names: dict[str, Any], palette: Colours) -> float:
    _, errors = names["assign"](names["distinct"], palette)
    return float(np.average(errors, weights=names["counts"]))


def _panel(names: dict[str, Any], title: str, palette: Colours | None, *, width: int) -> Image.Image:
    """Return the picture in the colours of `palette`, or as it is, with a title and with swatches."""
    picture = names["picture"]
    height = width * picture.shape[0] // picture.shape[1]
    panel = Image.new("RGB", (width, height + 26 + 44), PAPER)
    draw = ImageDraw.Draw(panel)
    draw.text((0, 2), title, INK, ImageFont.load_default(16))
    if palette is None:
        shown = picture
    else:
        indices, _ = names["assign"](names["points"], palette.astype(float))
        colours = palette.round().astype(np.uint8)
        shown = colours[indices].reshape(picture.shape)
        order = np.argsort(colours @ [299, 587, 114])  # dark to bright
        for place, colour in enumerate(colours[order].tolist()):
            left, right = place * width // len(order), (place + 1) * width // len(order) - 1
            draw.rectangle((left, height + 30, right, height + 69), tuple(colour))
    panel.paste(Image.fromarray(shown).resize((width, height), Image.Resampling.LANCZOS), (0, 26))
    return panel


def _save_grid(panels: list[Image.Image], path: Path) -> None:
    """Save four panels in two rows."""
    wide, high = panels[0].size
    sheet = Image.new("RGB", (2 * wide + 3 * MARGIN, 2 * high + 3 * MARGIN), PAPER)
    for place, panel in enumerate(panels):
        row, column = divmod(place, 2)
        sheet.paste(panel, (MARGIN + column * (wide + MARGIN), MARGIN + row * (high + MARGIN)))
    sheet.save(path, quality=70, method=6, use_sharp_yuv=True)


def _space(names: dict[str, Any], path: list[Colours]) -> Figure:
    """Return every 100th pixel by red and blue, at the start and at the end of `path`."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    some = names["points"][::100]
    for number, (title, palette) in enumerate((("at the start", path[0]), ("at the end", path[-1])), 1):
        axes = figure.add_subplot(1, 2, number, aspect="equal")
        indices, _ = names["assign"](some, palette)
        axes.scatter(some[:, 0], some[:, 2], s=3, c=palette[indices] / 255, linewidths=0)
        if number == 2:
            for ways in np.stack(path, axis=1):
                axes.plot(ways[:, 0], ways[:, 2], color=ORANGE, linewidth=1.2)
        axes.scatter(palette[:, 0], palette[:, 2], s=70, c=palette / 255, edgecolors=ORANGE, linewidths=1.5)
        axes.set(title=title, xlabel="red", ylabel="blue", xlim=(-8, 263), ylim=(-8, 263), facecolor=GREY)
    return figure


def _starts(runs: dict[str, list[list[tuple[float, int]]]]) -> Figure:
    """Return the MSE of the runs from twenty starts, by iteration."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot()
    for (name, histories), colour in zip(runs.items(), (ORANGE, BLUE), strict=True):
        axes.plot([], [], color=colour, label=name)
        for history in histories:
            errors = [error for error, _ in history]
            axes.plot(errors, color=colour, alpha=0.7, linewidth=1.2)
            axes.plot(len(errors) - 1, errors[-1], "o", color=colour, markersize=4)
    axes.set(xlabel="iterations", ylabel="MSE", ylim=(610, 1000), xlim=(0, None))
    axes.legend(title="K = 8; the dot is where it stopped", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _sizes(table: list[tuple[int, int, float, float]]) -> Figure:
    """Return bytes, PSNR and seconds by k."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    k, sizes, psnr, seconds = zip(*table, strict=True)
    for number, (values, title) in enumerate(
        (([size / 1000 for size in sizes], "size, kB"), (psnr, "PSNR, dB"), (seconds, "clustering, s")), 1
    ):
        axes = figure.add_subplot(1, 3, number)
        axes.plot(k, values, "o-", color=BLUE, markersize=4)
        axes.set_xscale("log", base=2)
        axes.set_xticks(k, [str(each) for each in k])
        axes.minorticks_off()
        axes.set(title=title, xlabel="k")
        if number != 2:
            axes.set_ylim(0, None)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _save_plot(figure: Figure, path: Path, *, lossless: bool = True) -> None:
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", dpi=110)
    Image.open(drawn).convert("RGB").save(path, lossless=lossless, quality=80, method=6)


if __name__ == "__main__":
    page = HERE / "tutorial.md"
    written = page.read_text("utf-8")
    code = blocks(written)
    left, output = run(code)
    page.write_text(with_printed(written, code, output), "utf-8")
    pictures(left, HERE / "images")
