"""Check the built site: every public name and option is there, links lead somewhere, nothing is loaded.

    python docs/tools/check_site.py docs/_build

What Sphinx doesn't say: that a name was added which no page describes, that an anchor is missing in a page
that was not written by hand, or that a page would load something from elsewhere.
"""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

from sphinx.util.inventory import InventoryFile

import kmq
from kmq_cli.app import MODULES

LOADING = {
    "img": ("src", "srcset"),
    "script": ("src",),
    "link": ("href",),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src",),
    "audio": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "input": ("src",),
}
"""Attributes whose addresses a browser loads by itself."""


class Page(HTMLParser):
    """What a page has: its anchors, where its links lead, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self._in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Take down what an element has."""
        self._in_style = tag == "style"
        for name, value in attributes:
            if value is None:
                continue
            if name == "id":
                self.anchors.add(value)
            if name == "href" and tag == "a":
                self.links.append(value)
            if name in LOADING.get(tag, ()):
                self.loads.append(value)
            if name == "style":
                self.loads += loads_of_style(value)

    def handle_endtag(self, tag: str) -> None:
        """Note where a style sheet in the page ends."""
        self._in_style = self._in_style and tag != "style"

    def handle_data(self, data: str) -> None:
        """Take down what a style sheet in the page loads."""
        if self._in_style:
            self.loads += loads_of_style(data)


def loads_of_style(text: str) -> list[str]:
    """Return the addresses that a style sheet loads."""
    return re.findall(r"""(?:url\(|@import)\s*["']?([^"')\s]+)""", text)


def public_names(module: ModuleType) -> Iterator[str]:
    """Yield the names of a module's public objects, and of what its classes have that is their own."""
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.ismodule(thing):
            yield thing.__name__
            yield from public_names(thing)
            continue
        yield f"{module.__name__}.{name}"
        if inspect.isclass(thing):
            members = {**vars(thing), **vars(thing).get("__annotations__", {})}
            own = (member for member in members if not member.startswith("_"))
            yield from (f"{module.__name__}.{name}.{member}" for member in own)


def options(*command: str) -> Iterator[str]:
    """Yield the options that `kmq COMMAND --help` prints at the beginnings of lines."""
    told = subprocess.run(  # noqa: S603  our own command
        [Path(sys.executable).with_name("kmq"), *command, "--help"],
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for line in told.splitlines():
        names = re.match(r" +(--?[\w-]+(?:, --?[\w-]+)*)(?= |$)", line)
        for name in names[1].split(", ") if names else ():
            yield f"{'-'.join(('kmq', *command))}.{name}"


def missing_names(site: Path) -> Iterator[str]:
    """Yield what has no entry in the site's inventory."""
    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="")
    entries = {name for kind in inventory.data if kind.startswith("py:") for name in inventory.data[kind]}
    for name in public_names(kmq):
        if name not in entries:
            yield f"{name}: public, but not described in docs/reference/api.rst"
    described = set(inventory.data["std:cmdoption"])
    for command in [(), *((name,) for name in MODULES)]:
        told = set(options(*command))
        if not told:
            yield f"kmq {' '.join(command)} --help: no options found in what it prints"
        for name in sorted(told - described):
            yield f"{name}: an option, but not described in docs/reference/commands.md"


def broken_links(site: Path) -> Iterator[str]:
    """Yield links that lead nowhere within the site, and what is loaded from outside it."""
    pages = {path.resolve(): Page(path.read_text("utf-8")) for path in site.rglob("*.html")}
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        for address in page.loads:
            if urlsplit(address).scheme not in ("", "data") or address.startswith("//"):
                yield f"{name} loads {address}"
        for address in [*page.links, *page.loads]:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                yield f"{name} links to {address}, which isn't there"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{name} links to {address}, where there is no such anchor"
    for path in site.rglob("*.css"):
        for address in loads_of_style(path.read_text("utf-8")):
            if urlsplit(address).scheme not in ("", "data") or address.startswith("//"):
                yield f"{path.relative_to(site)} loads {address}"


def main() -> None:
    """Print what is wrong and leave with exit code 1, or say how much was looked at."""
    site = Path(sys.argv[1])
    problems = [*missing_names(site), *broken_links(site)]
    print(*problems, sep="\n", file=sys.stderr, end="\n" if problems else "")
    if problems:
        raise SystemExit(1)
    print(f"{len(list(public_names(kmq)))} public names, {len(list(site.rglob('*.html')))} pages: all there")


if __name__ == "__main__":
    main()
