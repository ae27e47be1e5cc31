"""What the palettes say, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bench.report.means import Ratios, mean, number, ratios, table
from bench.report.size_tables import missing_cells

OURS, LOOKS = "kmq srgb", "kmq oklab"
PEERS_DITHERED = ("libimagequant, dithered", "pngquant, dithered")
BEST = ("libimagequant, speed 1", "libimagequant", "pngquant")
"""The quantisers that a user would pick, undithered."""

TIMED_PIXELS = 100_000
"""Pictures of fewer pixels don't count for time: starting is most of theirs."""

ERROR, SCORE, SECONDS = 0, 1, 2


def cell(found: dict[str, Any], cells: Sequence[Any], tool: str, what: int) -> float | None:
    """Return a figure of a tool, None if there is none. A score may be less than nothing."""
    one = cells[found["tools"].index(tool)] if tool in found["tools"] else None
    if isinstance(one, str) or one is None or one[what] is None:
        return None
    return float(one[what])


def pairs(
    found: dict[str, Any], ours: str, theirs: str, what: int, k: int | None = None, kind: str | None = None
) -> Iterator[tuple[str, Any, Any]]:
    """Give name, our figure and theirs, of each picture and k."""
    for name, each, cells in found["rows"]:
        if k in (None, each) and kind in (None, name.split("/")[0]):
            if what == SECONDS and found["pixels"][name] < TIMED_PIXELS:
                continue
            yield f"{name}, k = {each}", cell(found, cells, ours, what), cell(found, cells, theirs, what)


def against(found: dict[str, Any], ours: str, theirs: str, what: int = ERROR, **only: Any) -> Ratios:  # noqa: ANN401
    """Return the ratios of our figures to theirs."""
    return ratios(pairs(found, ours, theirs, what, **only))


def above(found: dict[str, Any], ours: str, theirs: str, k: int | None = None) -> list[tuple[float, str]]:
    """Return by how many points our scores are above theirs."""
    each = pairs(found, ours, theirs, SCORE, k)
    return [(one - other, name) for name, one, other in each if one is not None and other is not None]


def ks_of(found: dict[str, Any]) -> list[int]:
    """Return the numbers of colours."""
    return sorted({k for _, k, _ in found["rows"]})


def peers_of(found: dict[str, Any]) -> list[str]:
    """Return the peers that don't dither."""
    return [tool for tool in found["tools"] if not tool.startswith("kmq") and tool not in PEERS_DITHERED]


def errors(found: dict[str, Any]) -> str:
    """Return a row for each tool: squared error of kmq in sRGB as a ratio to its."""
    ks = ks_of(found)
    rows = []
    for peer in [*peers_of(found), "kmq srgb, fast", "kmq srgb, thorough", "kmq oklab"]:
        whole = against(found, OURS, peer)
        worst, name = whole.worst
        each = (against(found, OURS, peer, k=k).cell() for k in ks)
        rows.append((peer, *each, whole.cell(), f"{worst:.3f}" if whole.pairs else "–", name))
    heading = ("kmq srgb's error / that of", *(f"k = {k}" for k in ks), "all", "worst", "which is")
    return table(heading, rows)


def by_kind(
    found: dict[str, Any], peers: Sequence[str] = (*BEST, "KMeans, every pixel", "Pillow, octree")
) -> str:
    """Return kmq's squared error as a ratio to some tools', by class."""
    there = [peer for peer in peers if peer in found["tools"]]
    kinds = sorted({name.split("/")[0] for name, *_ in found["rows"]})
    rows = []
    for kind in kinds:
        each = [against(found, OURS, peer, kind=kind) for peer in there]
        worst, name = each[0].worst
        rows.append((kind, *(one.cell() for one in each), f"{worst:.3f}" if each[0].pairs else "–", name))
    first = there[0] if there else ""
    return table(("kmq srgb's error / that of", *there, f"worst, of {first}", "which is"), rows)


def firsts(found: dict[str, Any]) -> str:
    """Return, for each k, how often kmq has the least error, and by whom it is beaten else."""
    peers, rows = peers_of(found), []
    for k in ks_of(found):
        first, total, by = 0, 0, {}
        for _, each, cells in found["rows"]:
            ours = cell(found, cells, OURS, ERROR)
            if each != k or ours is None:
                continue
            total += 1
            others = {
                peer: found_ for peer in peers if (found_ := cell(found, cells, peer, ERROR)) is not None
            }
            least = min(others, key=lambda peer: others[peer])
            if ours <= others[least]:
                first += 1
            else:
                by[least] = by.get(least, 0) + 1
        ahead = ", ".join(f"{peer} {count}" for peer, count in sorted(by.items(), key=lambda item: -item[1]))
        rows.append((f"k = {k}", f"{first} of {total}", ahead or "–"))
    return table(("", "kmq srgb has the least error", "else it is that of"), rows, left=3)


def scores(found: dict[str, Any]) -> str:
    """Return the mean SSIMULACRA2 of each tool over the pictures of which all have one."""
    tools = [
        tool
        for tool in found["tools"]
        if any(cell(found, row[2], tool, SCORE) is not None for row in found["rows"])
    ]
    ks, columns, counts = ks_of(found), [], []
    for k in ks:
        whole = [
            each
            for _, which, cells in found["rows"]
            if which == k and None not in (each := [cell(found, cells, tool, SCORE) for tool in tools])
        ]
        counts.append(len(whole))
        columns.append([mean([row[i] for row in whole if row[i] is not None]) for i in range(len(tools))])
    rows = [(tool, *(f"{column[i]:.1f}" for column in columns)) for i, tool in enumerate(tools)]
    return table(("SSIMULACRA2, mean", *(f"k = {k} ({n})" for k, n in zip(ks, counts, strict=True))), rows)


def points(found: dict[str, Any]) -> str:
    """Return by how many points kmq is above others: mean, least and count."""
    rows = []
    for ours, theirs in (
        (LOOKS, "pngquant"),
        (LOOKS, "libimagequant"),
        (LOOKS, "pngquant, dithered"),
        (LOOKS, "libimagequant, dithered"),
        ("kmq oklab, dithered", "pngquant, dithered"),
        ("kmq oklab, dithered", "libimagequant, dithered"),
        ("kmq oklab, dithered", LOOKS),
    ):
        each = [above(found, ours, theirs, k) for k in ks_of(found)]
        cells = (
            f"{mean([v for v, _ in one]):+.1f}, least {min(one)[0]:+.1f} ({len(one)})" if one else "–"
            for one in each
        )
        rows.append((f"{ours} above {theirs}", *cells))
    return table(("points", *(f"k = {k}" for k in ks_of(found))), rows)


def times(found: dict[str, Any]) -> str:
    """Return each tool's time as a ratio to that of kmq's default: above 1, kmq is quicker."""
    ks = ks_of(found)
    rows = [
        (
            tool,
            *(against(found, tool, OURS, SECONDS, k=k).cell() for k in ks),
            against(found, tool, OURS, SECONDS).cell(),
        )
        for tool in found["tools"]
        if tool != OURS
    ]
    return table(("processor's time / that of kmq srgb", *(f"k = {k}" for k in ks), "all"), rows)


def worst(found: dict[str, Any], most: int = 12) -> str:
    """Return where kmq's error is furthest above that of the best undithered peer."""
    rows = []
    for name, k, cells in found["rows"]:
        ours = cell(found, cells, OURS, ERROR)
        others = {peer: one for peer in peers_of(found) if (one := number(cell(found, cells, peer, ERROR)))}
        if not ours or not others:
            continue
        least = min(others, key=lambda peer: others[peer])
        if ours > others[least]:
            rows.append((ours / others[least], name, k, ours, others[least], least))
    rows.sort(reverse=True)
    listed = [
        (f"{name}, k = {k}", f"{ratio:.3f}", f"{ours:.4g}", f"{theirs:.4g}", least)
        for ratio, name, k, ours, theirs, least in rows[:most]
    ]
    return (
        table(("picture", "ratio", "kmq srgb", "best peer", "which is"), listed) if listed else "Nowhere.\n"
    )


def unmeasured(found: dict[str, Any]) -> str:
    """Return what has no figures that count, and why."""
    return missing_cells(found["tools"], ((f"{name}", cells) for name, _, cells in found["rows"]))
