"""`kmq compare`: reads the pictures, compares, and reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from kmq_cli.compare.page import page
from kmq_cli.compare.peers import Peers, find_peers
from kmq_cli.compare.report import comparison_csv, comparison_json, print_comparison, print_peers
from kmq_cli.compare.rows import Comparison, compare, most_steps
from kmq_cli.pictures.source import open_image
from kmq_cli.terminal.failures import UsageError, complain, failures, printable
from kmq_cli.terminal.streams import STANDARD, check_output, output_for, read_bytes, write_bytes


def run(
    images: Sequence[str],
    ks: Sequence[int],
    options: dict[str, Any],
    html: str | None,
    *,
    time_limit: float,
    max_pixels: int | None,
    force: bool,
    report: Literal["table", "json", "csv"],
) -> None:
    """Compare each picture, print the report, and write the page if one is named."""
    target = None if html is None else output_for(images[0], html, "")
    if target == STANDARD:
        raise UsageError("standard output gets the table: name a file for the page")
    read = []
    for source in images:  # all of them first: the work takes long
        with failures(source):
            if target is not None:
                check_output(source, target, force=force)
            data = read_bytes(source, max_pixels)
            _, frames = open_image(data, max_pixels)
            if frames > 1:
                complain(source, f"note: has {frames} frames; the first is compared")
            read.append(data)
    peers = find_peers(time_limit)
    comparisons = _compared(images, read, ks, options, peers, max_pixels, previews=target is not None)
    if report == "json":
        print(comparison_json(comparisons, peers))
    elif report == "csv":
        print(comparison_csv(comparisons), end="")
    else:
        for comparison in comparisons:
            print_comparison(comparison)
        print_peers(peers)
    if target is not None:
        write_bytes(target, page(comparisons, peers).encode(), force=force)


def _compared(
    images: Sequence[str],
    read: Sequence[bytes],
    ks: Sequence[int],
    options: dict[str, Any],
    peers: Peers,
    max_pixels: int | None,
    *,
    previews: bool,
) -> list[Comparison]:
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    comparisons = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        each = most_steps(ks, peers)
        task = progress.add_task("", total=each * len(images))
        for number, (source, data) in enumerate(zip(images, read, strict=True)):
            name = "standard input" if source == STANDARD else source

            def step(what: str, name: str = name) -> None:
                progress.update(task, description=f"{printable(name)}: {what}", advance=1)

            progress.update(task, completed=number * each)
            with failures(source):
                image, _ = open_image(data, max_pixels)
                with image:
                    comparison = compare(name, len(data), image, ks, options, peers, step, previews=previews)
            comparisons.append(comparison)
    return comparisons
