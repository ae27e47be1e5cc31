"""What the sizes say, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.report.means import Ratios, number, ratios, table

BEST = ("PNG-8, oxipng", "PNG-8, zopflipng", "WebP lossless", "JPEG XL")
"""The peers that a user would pick for size."""

CODINGS = ("kmq adaptive", "kmq context", "kmq zstd", "kmq packed")

SMALLEST = "the smallest of oxipng, zopflipng, WebP and JPEG XL"


def cells(
    found: dict[str, Any], ours: str, theirs: str, kinds: Sequence[str] = ()
) -> Iterator[tuple[str, Any, Any]]:
    """Give name, our bytes and theirs of each plane; of classes or labels only, if `kinds` names some."""
    coders = found["coders"]
    for name, label, _, _, _, sizes in found["rows"]:
        if kinds and name.split("/")[0] not in kinds and label not in kinds:
            continue
        size = dict(zip(coders, sizes, strict=True))
        if theirs == SMALLEST:
            each = [number(size.get(peer)) for peer in BEST]
            other: object = None if None in each else min(filter(None, each))
        else:
            other = size.get(theirs)
        yield f"{name}, {label}", size.get(ours), other


def against(found: dict[str, Any], ours: str, theirs: str, kinds: Sequence[str] = ()) -> Ratios:
    """Return the ratios of our bytes to theirs."""
    return ratios(cells(found, ours, theirs, kinds))


def peers_of(found: dict[str, Any]) -> list[str]:
    """Return the peers that were measured, with the smallest of the best first."""
    named = [coder for coder in found["coders"] if not coder.startswith("kmq")]
    return [SMALLEST, *named] if set(BEST) <= set(named) else named


def codings_of(found: dict[str, Any]) -> list[str]:
    """Return kmq's codings that were measured, the default first."""
    return [name for name in CODINGS if name in found["coders"]]


def overall(found: dict[str, Any]) -> str:
    """Return a row for each peer: what each coding takes of its bytes."""
    codings, rows = codings_of(found), []
    for peer in peers_of(found):
        each = [against(found, coding, peer) for coding in codings]
        worst, name = each[0].worst
        if each[0].pairs:
            rows.append((peer, len(each[0]), *(f"{one.mean:.3f}" for one in each), f"{worst:.3f}", name))
    names = [coding.removeprefix("kmq ") for coding in codings]
    return table(("kmq's bytes / those of", "planes", *names, f"{names[0]}, worst", "which is"), rows)


def efforts(found: dict[str, Any]) -> str:
    """Return a row for each effort of the codings that have several."""
    rows = []
    for coding in ("kmq zstd", "kmq context"):
        for name in (f"{coding}, fast", coding, f"{coding}, thorough"):
            one, base = against(found, name, SMALLEST), against(found, name, coding)
            if one.pairs:
                rows.append((name, len(one), f"{one.mean:.3f}", f"{one.worst[0]:.3f}", f"{base.mean:.4f}"))
    return table(("", "planes", "/ smallest peer", "worst", "/ default effort"), rows)


def by_kind(found: dict[str, Any], ours: str) -> str:
    """Return a coding against each peer, by class and by what the planes are."""
    classes = sorted({name.split("/")[0] for name, *_ in found["rows"]})
    labels = sorted({label for _, label, *_ in found["rows"]}, key=lambda label: (len(label), label))
    peers = peers_of(found)
    rows = [(kind, *(against(found, ours, peer, [kind]).cell() for peer in peers)) for kind in classes]
    rows += [
        (f"k: {label}", *(against(found, ours, peer, [label]).cell() for peer in peers)) for label in labels
    ]
    rows.append(("all", *(against(found, ours, peer).cell() for peer in peers)))
    return table(("", *(peer.replace(SMALLEST, "smallest of four") for peer in peers)), rows)


def behind(found: dict[str, Any], coding: str) -> str:
    """Return the planes for which an image format or a compressor is smaller than a coding."""
    coders, rows = found["coders"], []
    for name, label, pixels, k, _, sizes in found["rows"]:
        size = {coder: number(each) for coder, each in zip(coders, sizes, strict=True)}
        ours = size[coding]
        smaller = {
            coder: each
            for coder, each in size.items()
            if each and ours and each < ours and not coder.startswith("kmq")
        }
        if smaller:
            best = min(smaller, key=lambda coder: smaller[coder])
            rows.append((f"{name}, {label}", f"{pixels:,}", k, f"{ours:,.0f}", f"{smaller[best]:,.0f}", best))
    heading = ("plane", "pixels", "k", coding, "smallest peer", "which is")
    return table(heading, rows) if rows else "None.\n"


def unmeasured(found: dict[str, Any]) -> str:
    """Return what has no bytes that count, and why, with how many pictures that is so for."""
    return missing_cells(found["coders"], ((row[0], row[5]) for row in found["rows"]))


def missing_cells(tools: Sequence[str], rows: Iterator[tuple[str, Sequence[object]]]) -> str:
    """Return a row for each tool and reason, with how many cells have it, and the pictures."""
    why: dict[tuple[str, str], list[str]] = {}
    for name, each in rows:
        for tool, cell in zip(tools, each, strict=True):
            if isinstance(cell, str):
                why.setdefault((tool, cell), []).append(name.split("/")[1])
    listed = [
        (
            tool,
            reason,
            len(names),
            ", ".join(dict.fromkeys(names)) if len(set(names)) <= 8 else f"{len(set(names))} pictures",
        )
        for (tool, reason), names in why.items()
    ]
    return table(("", "why", "times", "pictures"), listed, left=2) if listed else "Nothing.\n"


def every(found: dict[str, Any]) -> str:
    """Return a row for each plane with the bytes of each coder."""
    rows = [
        (f"{name}, {label}", f"{pixels:,}", k, *(f"{s:,}" if isinstance(s, int) else "–" for s in sizes))
        for name, label, pixels, k, _, sizes in found["rows"]
    ]
    return table(("plane", "pixels", "k", *found["coders"]), rows)
