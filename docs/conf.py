"""How Sphinx builds the site: `sphinx-build -W --keep-going docs docs/_build`."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "tools" / "_extensions"))

project = "kmq"
author = "the authors of kmq"
project_copyright = "the authors of kmq, MIT licence"
version = release = installed_version("kmq")

extensions = ["sphinx.ext.autodoc", "myst_parser", "command_reference", "repository_links", "docstrings"]
exclude_patterns = ["_build", "tools"]
highlight_language = "none"  # unless a block says otherwise
smartquotes = False  # "--psnr" is no dash
nitpicky = True
nitpick_ignore_regex = [
    # Of other libraries: resolving them would need the network.
    ("py:.*", r"(np|numpy|Image|ImageFile|PIL|os|mmap|collections)\..*"),
    ("py:.*", r"NDArray|ArrayLike|BinaryIO|Iterable|Mapping|IO"),
    ("py:.*", r"Progress|(da|dask)\..*"),
    ("py:.*", r"CanonicalImage|StrOrBytesPath"),  # what `histogram` also takes from within; Pillow's own
    ("py:.*", r"bool|bytes|bytearray|memoryview|dict|float|int|list|object|str|tuple|type|Any|None|inf"),
]
keep_warnings = True

myst_heading_anchors = 3  # as on GitHub, whose links these are
myst_enable_extensions = ["colon_fence"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
default_role = "py:obj"  # in docstrings, `name` is code, and a link if there is something of that name
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = True

html_theme = "furo"
html_title = "kmq"
html_static_path = ["_static"]
html_css_files = ["kmq.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False


def setup(app: Sphinx) -> None:
    """Show bytes with their comments, and rules for libmagic, as they are."""
    for name in ("hexdump", "magic"):
        app.add_lexer(name, TextLexer)
