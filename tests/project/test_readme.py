"""The examples of README.md and of the how-to pages run, and the links of every text lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from commands import run_forked

ROOT = Path(__file__).parents[2]
HOW_TO = sorted(path for path in (ROOT / "docs" / "how-to").glob("*.md") if path.name != "index.md")
TEXTS = [*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/*.md"), *ROOT.glob("docs/*/*.md"), *ROOT.glob("tests/*/*.md")]

BLOCK = re.compile(r"^```(\S+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Return a folder with the files that the examples name, and be in it."""
    up, round_ = (make("L").resize((128, 128)) for make in (Image.linear_gradient, Image.radial_gradient))
    photo = Image.merge("RGB", (round_, up, up.rotate(90)))
    sprite = Image.merge("RGBA", (*photo.split(), round_.point(lambda grey: 255 * (grey < 128))))
    (tmp_path / "photos" / "2024").mkdir(parents=True)
    photo.save(tmp_path / "photo.png")
    photo.resize((256, 192)).save(tmp_path / "map.png")
    photo.save(tmp_path / "photos" / "coast.png")
    photo.resize((96, 64)).save(tmp_path / "photos" / "dunes.png")
    photo.rotate(90).save(tmp_path / "photos" / "2024" / "hills.png")
    photo.rotate(180).save(tmp_path / "photos" / "2024" / "small.jpg", quality=30)
    sprite.resize((32, 32)).quantize(12, method=Image.Quantize.FASTOCTREE).save(tmp_path / "sprite.png")
    (tmp_path / "spec").symlink_to(ROOT / "spec")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands(block):
    """Return the commands of a block, each with what is shown of what it prints."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown.strip()


def printed(command, folder, *, shown):
    """Run a line as a shell does that knows kmq; return what it prints, errors among it.

    Where it is `kmq` and plain words, and nothing of what it prints is shown, it is forked, which is quicker.
    """
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),  # where --install-completion writes
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    words = shlex.split(command, comments=True)
    alone = not shown and "--install-completion" not in words  # which looks at what started it
    if alone and words[0] == "kmq" and shlex.join(words) == command.partition(" #")[0].rstrip():
        done = run_forked(words[1:], b"", environment)
        assert done.returncode == 0, f"{command}\n{done.stderr.decode()}"
        return ""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{command}\n:"],  # noqa: S607
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout.strip()


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.parametrize("text", [ROOT / "README.md", *HOW_TO], ids=lambda path: path.name)
def test_examples_run_in_their_order(text, pictures):
    blocks = BLOCK.findall(text.read_text("utf-8"))
    assert {language for language, _ in blocks} <= {"console", "python", "sh", "text", "c", "js"}
    assert {language for language, _ in blocks} & {"console", "python"}
    names = {}
    for language, block in blocks:
        if language == "python":
            exec(compile(block, text.name, "exec"), names)  # noqa: S102
        elif language == "console":
            for command, shown in commands(block):
                pattern = ".*".join(map(re.escape, shown.split("...")))
                seen = printed(command, pictures, shown=shown)
                assert not shown or re.fullmatch(pattern, seen, re.DOTALL), f"{command}\n{seen}"


@pytest.mark.parametrize(
    "text",
    [text for text in sorted(TEXTS) if text != ROOT / "docs" / "index.md"],  # the site's own first page
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_on_github_links_lead_to_text_and_headings(text):
    prose = BLOCK.sub("", text.read_text("utf-8"))
    for name, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", prose):
        target = text.parent / name if name else text
        if target.suffix != ".md":
            continue
        page = target.read_text("utf-8")
        assert "```{include}" not in page, f"{name} is text only once Sphinx has built it"
        headings = re.findall(r"^#+ (.*)$", BLOCK.sub("", page), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, f"{name}#{anchor}"


def test_the_list_of_how_to_pages_names_each():
    index = (ROOT / "docs" / "how-to" / "index.md").read_text("utf-8")
    titles = [(path.read_text("utf-8").partition("\n")[0].removeprefix("# "), path.name) for path in HOW_TO]
    assert sorted(re.findall(r"^- \[(.*)\]\((.*)\)$", index, re.MULTILINE)) == sorted(titles)


@pytest.mark.parametrize("text", sorted(TEXTS), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(text):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text.read_text("utf-8")):
        assert (text.parent / target).exists(), target
