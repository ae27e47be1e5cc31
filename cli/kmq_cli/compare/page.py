"""Comparisons as one page of HTML that loads nothing: pictures, plots, palettes and tables."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from kmq_cli.compare.page_tables import lossless_table, rows_table, versions_table
from kmq_cli.compare.plot import Point, Series, mark, plot
from kmq_cli.compare.report import problems, quality_texts
from kmq_cli.terminal.ledger_report import KINDS

if TYPE_CHECKING:
    from kmq_cli.compare.peers import Peers
    from kmq_cli.compare.preview import Preview
    from kmq_cli.compare.quality import Quality
    from kmq_cli.compare.rows import Comparison, Row

SWATCHES = 256
"""Most entries of a palette that are shown."""

ENLARGED = 360
"""Pixels that smaller pictures are enlarged to, or almost."""

SHOWN_FIRST = 16
"""The picture of this k is shown first, or of the next larger one."""

TABLE_NOTE = (
    "Sizes are bytes of whole files. Under kmq is the file that kmq encode writes, with the coding that it "
    "chose. Bits a pixel and seconds are of that file, on one thread; encoding includes the choice of the "
    "palette. MSE is summed over R, G and B; SSIM is of luma. The same pixels are those of the .kmq file, "
    "stored without further loss; the smallest file is bold. The JPEG is the one nearest in size."
)

STYLES = ("kmq", "kmq, packed", "PNG-8", "oxipng", "cwebp", "cjxl", "JPEG", "pngquant")
"""Codecs in the plots, in the order of their colours and marks."""


def page(comparisons: Sequence[Comparison], peers: Peers) -> str:
    """Return the page. The comparisons must have been made with previews."""
    script = _resource("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    names = [escape(_name(comparison)) for comparison in comparisons]
    items = "".join(f'<li><a href="#picture-{place}">{name}</a></li>' for place, name in enumerate(names, 1))
    return Template(_resource("report.html")).substitute(
        title=f"kmq compare: {', '.join(names)}",
        heading="kmq compare",
        contents=f"<nav><ol>{items}</ol></nav>" if len(names) > 1 else "",
        sections="\n".join(_section(place, comparison) for place, comparison in enumerate(comparisons, 1)),
        footer=_footer(peers),
        script=script,
        script_hash=f"sha256-{digest}",
    )


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _name(comparison: Comparison) -> str:
    """Return the picture's name without its folder."""
    return Path(comparison.source).name or comparison.source


def _section(place: int, comparison: Comparison) -> str:
    first = next((n for n, row in enumerate(comparison.rows) if row.asked >= SHOWN_FIRST), -1)
    first %= len(comparison.rows)
    what = (
        f"{comparison.width:,} × {comparison.height:,} pixels, {KINDS[comparison.channels]}, "
        f"{comparison.source_bytes:,} bytes"
    )
    if _name(comparison) != comparison.source:
        what += f"<br>{escape(comparison.source)}"
    enlarged = ' class="enlarged"' if max(comparison.width, comparison.height) <= ENLARGED // 2 else ""
    wrong = "".join(f"<li>{escape(problem)}</li>" for problem in problems(comparison))
    return "\n".join(
        [
            f'<section data-picture id="picture-{place}" aria-labelledby="name-{place}"{enlarged}>',
            f'<h2 id="name-{place}">{escape(_name(comparison))}</h2>',
            f'<p class="soft">{what}</p>',
            _pair(comparison),
            _strip(place, comparison, first),
            *(_detail(n, row, hidden=n != first) for n, row in enumerate(comparison.rows)),
            "<h3>Quality against size</h3>",
            _plots(comparison),
            "<h3>All numbers of colours</h3>",
            rows_table(comparison),
            f'<p class="note">{TABLE_NOTE}</p>',
            "<h3>The whole picture, without loss</h3>",
            lossless_table(comparison),
            f"<h3>Not measured</h3><ul>{wrong}</ul>" if wrong else "",
            "</section>",
        ]
    )


# Pictures


def _preview(preview: Preview | None) -> Preview:
    if preview is None:
        raise ValueError("the comparison was made without previews")
    return preview


def _pair(comparison: Comparison) -> str:
    before = _preview(comparison.preview)
    zoom = max(1, ENLARGED // max(before.width, before.height))
    ratio = before.width / before.height
    style = f"--width: {zoom * before.width}px; --ratio: {ratio:.4f}"
    size = f'width="{before.width}" height="{before.height}"'
    return (
        f'<div class="pair{_checks(comparison)}" style="{style}">'
        f'<img class="after" {size} alt="">'
        f'<img class="before" {size} src="{before.uri}" alt="original">'
        '<input type="range" min="0" max="100" step="0.5" value="50" '
        'aria-label="How much of the original shows">'
        '<span class="handle"></span><span class="tag left">original</span><span class="tag right"></span>'
        f"</div>{_caption(comparison)}"
    )


def _checks(comparison: Comparison) -> str:
    """Return the class of the background that shows transparency."""
    return " checks" if comparison.channels == 4 else ""


def _caption(comparison: Comparison) -> str:
    """Say how the previews differ from the pictures, if they do."""
    before = _preview(comparison.preview)
    shown = [before, *(_preview(row.preview) for row in comparison.rows)]
    said = []
    if before.scaled:
        size = f"{before.width:,} × {before.height:,}"
        said.append(f"All pictures are scaled down to {size} pixels, which blends colours.")
    if any(preview.lossy for preview in shown):
        said.append("Those that would take more than a megabyte are shown as lossy WebP.")
    if said:
        said.append("The measurements are of the real pictures.")
    return f'<p class="note">{" ".join(said)}</p>' if said else ""


def _strip(place: int, comparison: Comparison, first: int) -> str:
    choices = []
    for n, row in enumerate(comparison.rows):
        checked = " checked" if n == first else ""
        _, psnr, _ = _texts(row.quality)
        choices.append(
            f'<label class="choice"><input type="radio" name="k-{place}" value="{n}" '
            f'data-k="{row.asked}"{checked}>'
            f'<img class="thumb{_checks(comparison)}" src="{_preview(row.preview).uri}" alt="">'
            f"<b>k = {row.asked:,}</b><span>{row.ledger.total_bytes:,} bytes</span><span>{psnr}</span>"
            "</label>"
        )
    legend = "<legend>Decoded from k colours</legend>"
    return f'<fieldset class="strip">{legend}{"".join(choices)}</fieldset>'


# What the chosen k gives


def _detail(n: int, row: Row, *, hidden: bool) -> str:
    return (
        f'<div class="detail" data-row="{n}"{" hidden" if hidden else ""}>'
        f"<div><h3>k = {row.asked:,}</h3>{_facts(row)}<h3>Where the bytes go</h3>{_ledger(row)}</div>"
        f"<div><h3>Palette</h3>{_swatches(row)}</div></div>"
    )


def _facts(row: Row) -> str:
    error, psnr, ssim = _texts(row.quality)
    ledger = row.ledger
    facts = [
        ("size", f"{ledger.total_bytes:,} bytes, {ledger.bits_per_pixel:.3f} bits a pixel"),
        ("coding", ledger.coding),
        ("packed", f"{ledger.packed_bytes:,} bytes"),
        ("context", f"{row.context_bytes:,} bytes"),
        ("ratio to raw", f"{ledger.ratio:,.1f}"),
        ("PSNR", psnr),
        ("MSE", error),
        ("SSIM", ssim),
        ("encoding", f"{row.seconds[0]:.3f} s"),
        ("decoding", f"{row.seconds[1]:.3f} s"),
    ]
    if ledger.k != row.asked:
        facts.insert(0, ("entries", f"{ledger.k:,}: the picture needs no more"))
    return f'<dl class="facts">{"".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)}</dl>'


def _ledger(row: Row) -> str:
    """Return a bar of the ledger's parts, and a list of them."""
    ledger = row.ledger
    parts = [
        ("index payload", ledger.index_bytes),
        ("palette", ledger.palette_bytes),
        ("header", ledger.header_bytes),
        ("checksums", ledger.checksum_bytes),
        ("metadata", ledger.metadata_bytes),
    ]
    sizes = [(place, name, size) for place, (name, size) in enumerate(parts) if size]
    bar = "".join(f'<i class="p{place}" style="flex: {size}"></i>' for place, _, size in sizes)
    items = "".join(
        f'<li><i class="p{place}"></i>{name}<span>{size:,} bytes</span>'
        f"<span>{100 * size / ledger.total_bytes:.1f} %</span></li>"
        for place, name, size in sizes
    )
    total = f'<li class="sum"><i></i>file<span>{ledger.total_bytes:,} bytes</span><span>100.0 %</span></li>'
    return f'<div class="bar" aria-hidden="true">{bar}</div><ul class="parts">{items}{total}</ul>'


def _swatches(row: Row) -> str:
    """Return the entries in their order, at most the first 256, each with its share."""
    codes = row.colours.codes
    items = [
        f'<li><i style="--c: {code}"></i>{code}<span>{row.colours.share(n)}</span></li>'
        for n, code in enumerate(codes[:SWATCHES])
    ]
    if len(codes) > SWATCHES:
        items.append(f'<li class="rest">and {len(codes) - SWATCHES:,} more; kmq palette shows all</li>')
    name = f"Palette of {len(codes):,} entries"
    return f'<ul class="swatches" tabindex="0" aria-label="{name}">{"".join(items)}</ul>'


# Plots


def _plots(comparison: Comparison) -> str:
    figures = []
    for quality, unit in (("PSNR", "dB"), ("SSIM", "")):
        name = f"{quality} against bits a pixel; the figures are in the table below"
        drawn = plot(_series(comparison, quality), quality, unit, name)
        figures += [f"<figure>{drawn}</figure>"] if drawn else []
    legend = "".join(f"<li>{mark(one.style)}{escape(one.name)}</li>" for one in _series(comparison, "PSNR"))
    note = "Labels are k. Farther left is smaller, higher is nearer to the original."
    drawings = f'<div class="plots">{"".join(figures)}</div>'
    return f'{drawings}<ul class="legend">{legend}</ul><p class="note">{note}</p>'


def _series(comparison: Comparison, quality: str) -> list[Series]:
    """Return the files of each codec, with PSNR or SSIM; codecs without files are left out."""
    found: dict[str, list[Point]] = {name: [] for name in STYLES}
    for row in comparison.rows:
        own = row.quality
        made = [(STYLES[0], row.ledger.total_bytes, own, f"k = {row.asked}", str(row.asked))]
        made.append((STYLES[1], row.ledger.packed_bytes, own, f"k = {row.asked}", ""))
        made += [
            (one.codec, one.bytes, one.quality or own, one.settings or f"k = {row.asked}", "")
            for one in row.peers
            if one.bytes is not None
        ]
        for name, size, reached, settings, label in made:
            value = reached.psnr if quality == "PSNR" else reached.ssim
            if value is not None:
                _, psnr, ssim = _texts(reached)
                shown = psnr if quality == "PSNR" else f"SSIM {ssim}"
                title = f"{name}, {settings}: {size:,} bytes, {shown}"
                found[name].append(Point(comparison.bits_per_pixel(size), value, label, title))
    return [Series(name, style, found[name]) for style, name in enumerate(STYLES) if found[name]]


def _footer(peers: Peers) -> str:
    return (
        f"<h2>Codecs</h2>{versions_table(peers)}"
        '<p class="note">Seconds are of one run on the machine that made this page; those of programs count '
        "their start, and reading and writing files.</p>"
    )


def _texts(quality: Quality) -> tuple[str, str, str]:
    """Return the squared error, PSNR and SSIM with their units."""
    error, psnr, ssim = quality_texts(quality)
    return error, psnr if psnr == "exact" else f"{psnr} dB", ssim
