"""The tutorial's code runs, prints what the tutorial shows, and its pictures are those it makes."""

import math
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
BUILD = runpy.run_path(str(ROOT / "docs" / "tools" / "build_tutorial.py"))
BLOCKS = BUILD["blocks"](TEXT)

FIGURE = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?!\w)")


@pytest.fixture(scope="module")
def ran():
    """Return what the tutorial's code leaves behind, and what each block of it prints."""
    return BUILD["run"](BLOCKS)


def differences(shown, printed):
    """Return the lines of `printed` that aren't what the tutorial shows.

    Whole numbers must be the same. Clustering may end elsewhere with another scikit-learn or on another
    processor: so the number of iterations and seconds are free, decibels within 0.5, and other numbers with
    decimals within 10 %, which is more than the three local optima of k = 8 are apart. Another decoder of
    JPEG may give a few more or fewer distinct colours, and another zlib a larger or smaller PNG.
    """
    lines = list(zip(shown.splitlines(), printed.splitlines(), strict=False))
    wrong = [f"{a!r} is shown, {b!r} was printed" for a, b in lines if not same_line(a, b)]
    if len(shown.splitlines()) != len(printed.splitlines()):
        wrong.append(f"{shown!r} is shown, {printed!r} was printed")
    return wrong


def same_line(shown, printed):
    if [part.split() for part in FIGURE.split(shown)] != [part.split() for part in FIGURE.split(printed)]:
        return False
    return all(
        same_figure(a[0], b[0], shown[a.end() :].lstrip())
        for a, b in zip(FIGURE.finditer(shown), FIGURE.finditer(printed), strict=True)
    )


def same_figure(shown, printed, unit):
    a, b = (float(figure.replace(",", "")) for figure in (shown, printed))
    if re.match(r"iterations\b|s$", unit):
        return True
    if re.match(r"dB\b", unit):
        return abs(a - b) <= 0.5
    if re.match(r"kB\b", unit):
        return math.isclose(a, b, rel_tol=0.2)
    if re.match(r"distinct\b", unit):
        return math.isclose(a, b, rel_tol=0.02)
    return math.isclose(a, b, rel_tol=0.1) if "." in shown else a == b


def test_the_code_prints_what_the_tutorial_shows(ran):
    _, printed = ran
    wrong = [
        f"line {block.line}: {difference}"
        for block, output in zip(BLOCKS, printed, strict=True)
        for difference in differences(block.shown, output)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ("819,840 bytes\n", "819,841 bytes\n"),
        ("MSE 631.55\n", "MSE 710.00\n"),
        ("PSNR 27.54 dB\n", "PSNR 28.10 dB\n"),
        ("the same: True\n", "the same: False\n"),
        ("K = 8: 0.50 s\n", "K = 16: 0.50 s\n"),
        ("1\n", "1\n2\n"),
        ("1\n2\n", "1\n"),
        ("[1, 2]\n", "[1, 2, 3]\n"),
        ("96,615 distinct\n", "90,000 distinct\n"),
    ],
)
def test_a_tutorial_that_shows_something_else_would_be_noticed(shown, printed):
    assert differences(shown, printed)
    assert not differences(printed, printed)


def test_figures_of_the_prose_were_printed():
    """Of three digits or more, or with decimals, other than in links and sources."""
    prose = re.sub(r"```.*?```|\]\([^)]*\)|`[^`]*`", "", TEXT.split("## Where to go")[0], flags=re.DOTALL)
    known = {float(figure.replace(",", "")) for block in BLOCKS for figure in FIGURE.findall(block.shown)}
    figures = [figure for figure in FIGURE.findall(prose) if len(re.sub(r"\D", "", figure)) > 2]
    assert [figure for figure in figures if float(figure.replace(",", "")) not in known | {255.0}] == []


def test_what_the_prose_says_of_the_figures(ran):
    names, _ = ran
    pixels, errors = len(names["pixels"]), {}
    for name, histories in names["runs"].items():
        errors[name] = [history[-1][0] for history in histories]
        for history in histories:
            assert np.all(np.diff([error for error, _ in history]) <= 1e-9), "the MSE never rises"
            assert history[-1][1] == 0, "it stops when no index changes"
    together = np.concatenate(list(errors.values()))
    ends = np.unique(together.round())
    assert len(ends) == 3, "three hollows"
    assert len(np.unique(together.round(3))) > 3, "looked at closely, the lowest is several"
    lowest = {name: sum(error.round() == ends[0] for error in these) for name, these in errors.items()}
    assert lowest == {"random_start": 4, "k_means_plus_plus": 8}

    best8, k8, k16 = (names[name] for name in ("best8", "k8", "k16"))
    assert together.min() <= best8.inertia_ / pixels < together.min() + 1, "the best of five: the lowest"
    assert k8.inertia_ / pixels > together.max(), "random_state=0 happened upon the highest"
    assert 0.4 < k16.inertia_ / best8.inertia_ < 0.6, "16 colours have about half the error of 8"
    doublings = np.diff([psnr for _, _, psnr, _ in names["table"]])
    assert doublings[0] == pytest.approx(4.5, abs=0.3)
    assert doublings[-1] == pytest.approx(2, abs=0.3)

    reds = {name: model.cluster_centers_ @ [1, 0, -1] for name, model in (("best8", best8), ("k8", k8))}
    assert reds["best8"].max() > 80, "a colour for the roofs"
    assert reds["k8"].max() < 60, "none for them"


def test_what_the_prose_says_of_other_formats(ran):
    _, printed = ran
    palette16, jpeg16, webp16, palette256, jpeg256, webp256 = (
        float(decibels) for decibels in re.findall(r"([\d.]+) dB", printed[-1])
    )
    assert webp16 - palette16 == pytest.approx(2.8, abs=0.3)
    assert palette256 - webp256 == pytest.approx(0.25, abs=0.2)
    assert jpeg16 < min(palette16, webp16)
    assert jpeg256 < min(palette256, webp256)
    sizes = [float(size) for size in re.findall(r"([\d.]+) kB", printed[-1])]
    assert sizes[1] < 0.5 * sizes[0], "PNG: less than half of the packed bytes"
    assert sizes[2:5] == pytest.approx([sizes[4]] * 3, rel=0.05), "as many bytes"
    assert sizes[5:] == pytest.approx([sizes[7]] * 3, rel=0.05)


def test_the_pictures_are_those_that_the_script_draws(ran, tmp_path):
    names, _ = ran
    BUILD["pictures"](names, tmp_path)
    drawn = sorted(path.name for path in tmp_path.iterdir())
    images = ROOT / "docs" / "images"
    assert drawn == sorted(path.name for path in images.glob("tutorial-*"))
    assert drawn == sorted(re.findall(r"\(images/(tutorial-[\w-]+\.webp)\)", TEXT))
    for name in drawn:
        assert (images / name).stat().st_size < 60_000, name
        with Image.open(images / name) as kept, Image.open(tmp_path / name) as new:
            assert kept.size == new.size, name
            difference = np.asarray(kept.convert("L"), float) - np.asarray(new.convert("L"), float)
            if name in {
                "tutorial-steps.webp",
                "tutorial-k8-k16.webp",
            }:  # another matplotlib lays plots out anew
                assert np.sqrt(np.mean(difference**2)) < 20, name
