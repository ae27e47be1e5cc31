"""The tables of the page of comparisons, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from kmq import __version__
from kmq_cli.compare.peers import how_asked
from kmq_cli.compare.report import LOSSY_PEERS, SAME, number, present, quality_texts

if TYPE_CHECKING:
    from kmq_cli.compare.peers import Peers
    from kmq_cli.compare.rows import Comparison, Row


OWN = ("packed", "context", "kmq", "coding", "bits/px")
"""Columns of kmq's files: those of two codings, and the one that it writes by default."""


def rows_table(comparison: Comparison) -> str:
    """Return the table of all numbers of colours; the smallest file of the same pixels is bold."""
    same, lossy = present(comparison, SAME), present(comparison, LOSSY_PEERS)
    groups = [("kmq", [*OWN, "MSE", "PSNR", "SSIM", "encode", "decode"])]
    groups += [("the same pixels", same)] if same else []
    groups += [(name, [*(["quality"] if name == "JPEG" else []), "bytes", "PSNR", "SSIM"]) for name in lossy]
    top = "".join(
        f'<th class="group" colspan="{len(heads)}" scope="colgroup">{name}</th>' for name, heads in groups
    )
    heads = "".join(_cells(heads, "th") for _, heads in groups)
    rows = "".join(_row(comparison, row, same, lossy) for row in comparison.rows)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="All numbers of colours"><table><thead>'
        f'<tr><th class="lead"></th>{top}</tr><tr><th scope="col">k</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(comparison: Comparison, row: Row, same: Sequence[str], lossy: Sequence[str]) -> str:
    size, found = row.ledger.total_bytes, {one.codec: one for one in row.peers}
    others = [found[codec].bytes if codec in found else None for codec in same]
    least = min(each for each in [size, *others] if each is not None)
    seconds = (f"{each:.3f} s" for each in row.seconds)
    cells = [
        _cells(
            [
                f"{row.ledger.packed_bytes:,}",
                f"{row.context_bytes:,}",
                _least(size, least),
                row.ledger.coding,
                f"{comparison.bits_per_pixel(size):.3f}",
                *quality_texts(row.quality),
                *seconds,
            ]
        ),
        _cells([_least(other, least) for other in others]),
    ]
    for codec in lossy:
        one = found.get(codec)
        loss = quality_texts(one.quality)[1:] if one is not None and one.quality else ("-", "-")
        level = [one.settings.removeprefix("quality ") if one else "-"] if codec == "JPEG" else []
        cells.append(_cells([*level, number(one.bytes if one else None), *loss]))
    return f'<tr><th scope="row">{row.asked:,}</th>{"".join(cells)}</tr>'


def _cells(texts: Sequence[str], tag: str = "td") -> str:
    """Return the cells of a group; the first has a line on its left."""
    scope = ' scope="col"' if tag == "th" else ""
    first = ' class="group"'
    return "".join(f"<{tag}{scope}{first * (n == 0)}>{text}</{tag}>" for n, text in enumerate(texts))


def _least(size: int | None, least: int) -> str:
    return f"<b>{number(size)}</b>" if size == least else number(size)


def lossless_table(comparison: Comparison) -> str:
    """Return the table of the picture's lossless sizes."""
    rows = "".join(
        f'<tr><th scope="row">{one.codec}</th><td>{one.bytes:,}</td>'
        f"<td>{comparison.bits_per_pixel(one.bytes):.3f}</td><td>{one.seconds:.3f} s</td></tr>"
        for one in comparison.lossless
        if one.bytes is not None and one.seconds is not None
    )
    heads = "".join(f'<th scope="col">{head}</th>' for head in ("", "bytes", "bits/px", "encode"))
    return _narrow(f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>", "plain")


def versions_table(peers: Peers) -> str:
    """Return the table of the codecs' versions and settings, and of what was not found."""
    versions = {"kmq": __version__} | peers.versions()
    rows = [
        (name, number or "?", "" if name == "kmq" else how_asked(name)) for name, number in versions.items()
    ]
    rows += [(name, "not found", "") for name in peers.missing]
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(number)}</td>'
        f'<td class="how">{escape(how)}</td></tr>'
        for name, number, how in rows
    )
    return _narrow(f"<tbody>{body}</tbody>", "words")


def _narrow(rows: str, kind: str) -> str:
    return f'<div class="scroll narrow"><table class="{kind}">{rows}</table></div>'
