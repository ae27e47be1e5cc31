"""Docstrings as this project writes them: `name` is code, and a link where the name is a public one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment


def _plain_code(
    _app: Sphinx, _env: BuildEnvironment, reference: pending_xref, content: nodes.TextElement
) -> nodes.TextElement | None:
    """Leave the name of an argument, a value or an option as it is, and let other references fail."""
    return content if reference.get("reftype") == "obj" else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what happens to a name that nothing has."""
    app.connect("missing-reference", _plain_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
