"""Results to pages: tables, plots, and the small table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.report import palette_tables as palette
from bench.report import plots, summary
from bench.report import rd_tables as rd
from bench.report import size_tables as size
from bench.report import speed_tables as speed
from bench.report.results import read_results

CAPTIONS = {
    "size": "Bytes of the same indices and palettes",
    "palette": "Palettes: squared error, SSIMULACRA2, time",
    "rd": "Bytes against quality, for whole pipelines",
    "speed": "Speed, memory, start-up, growth",
}


def write_report(results: Path) -> None:
    """Write, for each JSON that is there, tables and plots beside it, and an index of them."""
    found = {part: read_results(results / f"{part}.json") for part in CAPTIONS}
    pages = {"size": size_page, "palette": palette_page, "rd": rd_page, "speed": speed_page}
    index = [
        "# Results\n",
        "Each page says by which command it was made, with which peers, on which machine.\n",
    ]
    for part, one in found.items():
        if one is None:
            continue
        heading = f"# {CAPTIONS[part]}\n\n{_before_adaptive(part, one)}{about(one)}\n"
        (results / f"{part}.md").write_text(heading + pages[part](one, results), "utf-8")
        index.append(f"- [{CAPTIONS[part]}]({part}.md) ([{part}.json]({part}.json))")
    if any(found.values()):
        headline = summary.table_of(found)
        index += ["", "The figures in short:\n", headline]
        (results / "README.md").write_text("\n".join(index), "utf-8")


def _before_adaptive(part: str, found: dict[str, Any]) -> str:
    """Say of old results that kmq has another default now. A palette is the same in every coding."""
    if part == "palette" or found.get("default coding") == "adaptive":
        return ""
    return (
        "**These results were made before the adaptive coding existed, which is kmq's default now.** Where "
        "they name no coding, kmq's file is in the context coding, which is smaller and slower. They are yet "
        "to be measured again.\n\n"
    )


def about(found: dict[str, Any]) -> str:
    """Say how results were made."""
    machine = found["machine"]
    load = "" if machine["load"] is None else f" Load over the last 15 minutes: {machine['load']}."
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    missing = ", ".join(f"{name} (needs {needs})" for name, needs in found["missing"].items()) or "none"
    system = f"{machine['system']}, Python {machine['Python']}"
    return (
        f"`{found['command']}`, {found['pictures']} pictures, on {machine['date']}: {machine['processor']}, "
        f"{machine['processors']} processors, {system}; one thread each.{load}\n\n"
        f"Versions: {versions}. Peers that were missing: {missing}. "
        f"\"Not within {found['time limit']:g} s\": the processor's time, not the clock's.\n"
    )


def size_page(found: dict[str, Any], results: Path) -> str:
    """Return the page of sizes, and draw its plot."""
    plots.size_plot(found, results / "size.svg")
    coders = "\n".join(f"- {name}: {said}" for name, said in found["settings"].items() if said)
    codings = [name for name in size.codings_of(found) if name in ("kmq adaptive", "kmq context")]
    by_kind, behind = (
        "\n".join(f"## {heading.format(name)}\n\n{of(found, name)}" for name in codings)
        for heading, of in (
            ("{}, by class and by plane", size.by_kind),
            ("Where an image format or a compressor is smaller than {}", size.behind),
        )
    )
    return f"""
Each plane (indices and palette) is a picture of the folder that has at most 256 colours, or what kmq makes
of it: 16 and 256 colours up to 1.1 megapixels, and 64 dithered up to 0.5; 256 only above. Every output was
decoded and compared with the pixels before its size counted. A ratio is a geometric mean over the planes that
both have, and their number stands beside it. Below 1, kmq is smaller.

![Ratios by class](size.svg)

## Against each peer

{size.overall(found)}
## By effort

{size.efforts(found)}
{by_kind}
{behind}
## What has no size that counts

{size.unmeasured(found)}
## How each was asked

{coders}

PNG optimisers also get a PNG without a palette where the picture is grey or has at most 65,536 pixels; the
smaller output counts. xz, zstd: with the palette's bytes, without a header.

## Every plane

{size.every(found)}"""


def palette_page(found: dict[str, Any], results: Path) -> str:
    """Return the page of palettes, and draw its plot."""
    plots.error_plot(found, results / "palette.svg")
    tools = "\n".join(f"- {name}: {said}" for name, said in found["settings"].items() if said)
    return f"""
Every picture of the folder that has more than k colours; above 4 megapixels, k = 256 only. Squared error is
summed over R, G and B and averaged over pixels, with alpha the mean of those over black and over white.
Undithered, unless it says so. A ratio is a geometric mean over the pictures that both have, and their number
stands beside it. Below 1, kmq has less error.

![Squared error against k](palette.svg)

## Squared error

{palette.errors(found)}
## How often it is the least

{palette.firsts(found)}
## By class

{palette.by_kind(found)}
## Where kmq's error is furthest above the best peer's

{palette.worst(found)}
## Looks

Opaque pictures from 64 pixels a side to half a megapixel (their number stands beside k).

{palette.scores(found)}
{palette.points(found)}
## Time

Palette and mapping, one run each, of pictures of at least 0.1 megapixels; pngquant and ImageMagick with their
start and with reading and writing PNG. Above 1, kmq is quicker. [Speed](speed.md) has pairs and medians.

{palette.times(found)}
## What has no figures that count

{palette.unmeasured(found)}
## How each was asked

{tools}
"""


def rd_page(found: dict[str, Any], results: Path) -> str:
    """Return the page of bytes against quality, and draw its plots."""
    for what, name in ((rd.SCORE, "rd-ssimulacra2.svg"), (rd.PSNR, "rd-psnr.svg")):
        plots.rd_plot(found, results / name, what)
    count = len(rd.by_picture(found))
    tables = "\n".join(
        rd.at_equal(found, what, ours, targets)
        for what, targets in ((rd.SCORE, rd.SCORES), (rd.PSNR, rd.PSNRS))
        for ours in ("kmq", "kmq, dithered")
    )
    return f"""
{count} opaque pictures of more than 256 colours and at most 2.5 megapixels, most of them photographs. Between
two settings the logarithm of the bytes is taken as linear in the quality; a picture counts where both curves
reach it. SSIMULACRA2 was tuned on codecs such as the lossy ones here; PSNR stands beside it.

![SSIMULACRA2 against bits a pixel](rd-ssimulacra2.svg)

![PSNR against bits a pixel](rd-psnr.svg)

## Bytes at equal quality

Below 1, kmq is smaller.

{tables}
## How each was asked

{rd.settings(found)}
## Means over the pictures

{rd.means(found)}"""


def speed_page(found: dict[str, Any], results: Path) -> str:
    """Return the page of speeds, and draw its plots."""
    for name, unit in (("growth", "megapixels"), ("colours", "k")):
        if found[name]:
            plots.growth_plot(found[name], results / f"speed-{name}.svg", unit)
    return speed.page(found)
