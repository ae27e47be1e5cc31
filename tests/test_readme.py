"""The README's Python runs, and the links of every text lead somewhere."""

import re
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]


def test_the_readme_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.radial_gradient("L").convert("RGB").save("photo.png")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 5
    exec("\n".join(blocks), {})  # noqa: S102


@pytest.mark.parametrize(
    "text", sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("[a-z]*/*.md")), ids=lambda path: path.name
)
def test_links_lead_somewhere(text):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text.read_text("utf-8")):
        assert (text.parent / target).exists(), target
