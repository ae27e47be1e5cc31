"""What bench/ makes of its results; nothing is measured here.

The small table is what the results say, and the gate fails on what got worse.
"""

import importlib
import json
import math
import pkgutil
from pathlib import Path

import bench
import pytest
from bench.report import gate, means, rd_tables
from bench.report.results import read_results, write_results
from bench.report.summary import END, START, filled, table_of
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench" / "results"

cases = st.tuples(st.sampled_from(["kmq packed", "kmq context"]), st.sampled_from("abcdefgh"))
figures = st.dictionaries(cases, st.floats(1, 1e9), min_size=1)


@pytest.mark.parametrize("name", [found.name for found in pkgutil.walk_packages(bench.__path__, "bench.")])
def test_every_module_of_the_bench_can_be_imported(name):
    importlib.import_module(name)


def test_the_page_has_the_table_of_the_results():
    found = {part: read_results(RESULTS / f"{part}.json") for part in ("size", "palette", "rd", "speed")}
    assert None not in found.values()
    page = (ROOT / "docs" / "beside-other-tools.md").read_text("utf-8")
    assert filled(page, table_of(found)) == page, (
        "run python -m bench --report --page docs/beside-other-tools.md, and look at what changed"
    )


def test_the_page_of_where_others_are_ahead_quotes_the_results():
    page = (ROOT / "docs" / "where-others-are-ahead.md").read_text("utf-8")
    rows = {line for line in page.splitlines() if line.startswith("|")}
    assert rows
    assert rows <= set((RESULTS / "rd.md").read_text("utf-8").splitlines())


def test_the_table_is_put_between_the_marks_alone():
    text = f"before\n{START}old\n{END}after\n"
    once = filled(text, "new\n")
    assert once == f"before\n{START}\nnew\n\n{END}after\n"
    assert filled(once, "new\n") == once


@pytest.mark.parametrize("text", ["", START, END + START, 2 * START + END])
def test_without_its_marks_a_page_is_refused(text):
    with pytest.raises(ValueError, match="should have one line"):
        filled(text, "new\n")


def test_results_are_compact():
    assert sum(path.stat().st_size for path in RESULTS.glob("*.json")) < 300_000
    assert all(path.stat().st_size < 150_000 for path in RESULTS.glob("*.svg"))


def test_results_are_read_as_written(tmp_path):
    found = {
        "tools": ["a", "ü"],
        "rows": [["x/y", 8, [[1.5, None, 0.1], "not within 60 s"]], ["x/z", 16, []]],
    }
    write_results(tmp_path / "new" / "part.json", found)
    assert read_results(tmp_path / "new" / "part.json") == found
    assert json.loads((tmp_path / "new" / "part.json").read_text("utf-8")) == found
    assert read_results(tmp_path / "absent.json") is None
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["part.json"]


@given(figures)
def test_the_gate_passes_what_is_the_same_or_better(stored):
    assert gate.regressions(stored, stored) == []
    assert gate.regressions(stored, {case: figure / 2 for case, figure in stored.items()}) == []


@given(figures, st.data())
def test_the_gate_names_each_figure_that_got_worse_by_much(stored, data):
    worse = data.draw(st.sets(st.sampled_from(sorted(stored)), min_size=1))
    new = {case: figure * (1.5 if case in worse else 1) for case, figure in stored.items()}
    found = {regression.what for regression in gate.regressions(stored, new)}
    assert {f"{tool}, {case}" for tool, case in worse} <= found


def test_the_gate_fails_on_a_mean_that_rose_by_little_everywhere():
    stored = {("kmq context", f"{n}"): 1000.0 for n in range(50)}
    new = {case: figure * 1.004 for case, figure in stored.items()}
    assert [regression.what for regression in gate.regressions(stored, new)] == ["kmq context, mean of 50"]
    assert gate.regressions(stored, {case: figure * 1.001 for case, figure in stored.items()}) == []


def test_the_gate_fails_on_a_tool_that_was_not_measured():
    (found,) = gate.regressions({("kmq zstd", "a"): 5.0}, {("kmq packed", "a"): 5.0})
    assert math.isinf(found.ratio)


def test_the_gate_fails_on_what_was_exact():
    found = gate.regressions({("kmq srgb", "a"): 0.0}, {("kmq srgb", "a"): 0.1})
    assert found
    assert all(math.isinf(regression.ratio) for regression in found)
    assert gate.regressions({("kmq srgb", "a"): 0.1}, {("kmq srgb", "a"): 0.0}) == []


def test_the_gate_takes_only_kmq_s_figures():
    size = {"coders": ["kmq packed", "QOI"], "rows": [["x/y", "exact", 4, 2, "digest", [20, 30]]]}
    assert gate.sizes_of(size) == {("kmq packed", "x/y, exact"): 20.0}
    cells = [[2.5, None, 0.1], [3.0, None, 0.1], "not within 60 s"]
    palette = {"tools": ["kmq srgb", "pngquant", "kmq oklab"], "rows": [["x/y", 8, cells]]}
    assert gate.errors_of(palette) == {("kmq srgb", "x/y, k = 8"): 2.5}


@given(st.lists(st.tuples(st.text(max_size=3), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)), min_size=1))
def test_the_mean_of_ratios_is_that_of_logarithms_and_lies_between_them(cells):
    found = means.ratios(cells)
    assert len(found) == len(cells)
    low, high = min(ratio for ratio, _ in found.pairs), found.worst[0]
    assert low * (1 - 1e-9) <= found.mean <= high * (1 + 1e-9)
    turned = means.ratios((name, theirs, ours) for name, ours, theirs in cells)
    assert found.mean * turned.mean == pytest.approx(1)


def test_what_one_of_two_lacks_does_not_count():
    cells = [("a", 1, 2), ("b", "not within 60 s", 2), ("c", 3, None), ("d", 0, 1)]
    assert means.ratios(cells).pairs == ((0.5, "a"),)


@given(st.floats(1, 99), st.floats(0.01, 2), st.integers(1, 1000))
def test_bytes_at_a_quality_are_exact_where_the_curve_is_a_line(target, slope, start):
    points = [[start * math.exp(slope * quality / 10), 0.0, float(quality)] for quality in range(0, 101, 10)]
    expected = start * math.exp(slope * target / 10)
    assert rd_tables.bytes_at(points, rd_tables.SCORE, target) == pytest.approx(expected)
    assert rd_tables.bytes_at(points, rd_tables.SCORE, 101) is None
    assert rd_tables.bytes_at([*points, "not within 60 s"], rd_tables.SCORE, -1) is None


def test_a_larger_file_that_is_no_better_has_no_part_in_a_curve():
    points = [[100, 0.0, 50.0], [150, 0.0, 40.0], [200, 0.0, 60.0]]
    assert rd_tables.bytes_at(points, rd_tables.SCORE, 55) == pytest.approx(math.sqrt(100 * 200))


def test_each_setting_of_a_curve_has_its_own_points_in_whatever_order_they_come():
    rows = [["a/b", "JPEG XL", 8, [[1, 20.0, None], [2, 30.0, None]]]]
    found = {"ways": {"JPEG XL": ["cjxl -d Q", 12, 1]}, "rows": rows}
    lines = rd_tables.means(found).splitlines()[2:]
    assert lines == ["| JPEG XL | 12 | 1.000 | 20.00 | – |", "| JPEG XL | 1 | 2.000 | 30.00 | – |"]
    assert rd_tables.curve(found, "JPEG XL", rd_tables.PSNR) == [(1.0, 20.0), (2.0, 30.0)]
    assert rd_tables.curve(found, "JPEG XL", rd_tables.SCORE) == []
