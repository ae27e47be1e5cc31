"""Links between files of the repository, as on GitHub, lead to the pages of the site.

So the texts that are included need not be written twice. A file that is no page becomes a download, and of
a folder only its name is left.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "bench/README.md": "benchmarks.md",
    "bench/results/README.md": "results/index.md",
    "bench/results/palette.md": "results/palette.md",
    "bench/results/rd.md": "results/rd.md",
    "bench/results/size.md": "results/size.md",
    "bench/results/speed.md": "results/speed.md",
    "spec/README.md": "reference/proof.md",
    "spec/SPEC.md": "reference/specification.md",
    "tests/fuzz/README.md": "fuzzing.md",
}
"""Texts of the repository and the pages, below `docs/`, that include them or stand in for them."""

FENCE = re.compile(r"^(```+|~~~+).*?^\1\s*?$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")


def translated(text: str, source: Path, page: Path, docs: Path) -> str:
    """Return the Markdown of the file `source` with its links as they are from `page`, a file in `docs`."""
    root = docs.parent

    def link(match: re.Match[str]) -> str:
        target = Path(os.path.normpath(source.parent / match["path"]))
        anchor = match["anchor"] or ""
        name = target.relative_to(root).as_posix()
        if name in PAGES:
            target = docs / PAGES[name]
        elif target.is_dir():
            return match["text"]
        return f"[{match['text']}]({Path(os.path.relpath(target, page.parent)).as_posix()}{anchor})"

    parts, end = [], 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(link, text[end : fence.start()]), fence.group()]
        end = fence.end()
    return "".join([*parts, LINK.sub(link, text[end:])])


def _of_page(app: Sphinx, docname: str, content: list[str]) -> None:
    page = Path(app.env.doc2path(docname))
    if page.suffix == ".md":
        content[0] = translated(content[0], page, page, Path(app.srcdir))


def _of_included(app: Sphinx, relative_path: Path, _parent: str, content: list[str]) -> None:
    source = Path(os.path.normpath(Path(app.srcdir) / relative_path))
    page = Path(app.env.doc2path(app.env.docname))
    if source.suffix == ".md":
        content[0] = translated(content[0], source, page, Path(app.srcdir))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what happens to a text once it is read."""
    app.connect("source-read", _of_page)
    app.connect("include-read", _of_included)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
