"""A loop's header has the constants and structures that its source has uncompiled."""

import importlib
import inspect
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from kmq._ground.loops import LOOPS
from ways import uncompiled

MODULES = {name: importlib.import_module(name) for name in LOOPS}
SOURCES = {name: uncompiled(module) for name, module in MODULES.items()}
HEADERS = {name: Path(source.__file__).with_suffix(".pxd") for name, source in SOURCES.items()}
WITH_HEADERS = [name for name in LOOPS if HEADERS[name].exists()]
assert len(WITH_HEADERS) >= 9
WITH_CONSTANTS = [name for name in WITH_HEADERS if "cpdef enum" in HEADERS[name].read_text("utf-8")]
assert len(WITH_CONSTANTS) >= 9
OF_ANNEX_A = ("code", "move")
"""Functions of the arithmetic coder, of which every loop that has them has a copy."""


def declared(name, keyword):
    """Return the blocks that follow a keyword in a loop's header, each with its title and its lines."""
    text = re.sub(r" *#.*", "", HEADERS[name].read_text("utf-8"))
    return re.findall(rf"^{keyword}(.*):\n((?:    .*\n|\n)*)", text, re.MULTILINE)


@pytest.mark.parametrize("name", WITH_CONSTANTS)
def test_the_constants_of_c_are_those_of_the_source(name):
    names = [
        part.partition("=")[0].strip()
        for _, lines in declared(name, "cpdef enum")
        for part in re.split(r"[,\n]", lines)
        if part.strip()
    ]
    assert names
    compiled, source = MODULES[name], SOURCES[name]
    assert {n: getattr(compiled, n) for n in names} == {n: getattr(source, n) for n in names}


@pytest.mark.parametrize("name", WITH_HEADERS)
def test_the_structures_of_c_have_the_room_of_those_of_the_source(name):
    for title, lines in declared(name, "cdef struct"):
        made = getattr(SOURCES[name], title.strip())[1]()
        for field, sizes in re.findall(r"(\w+)((?:\[\d+\])+)\n", lines):
            assert np.shape(getattr(made, field)) == tuple(map(int, re.findall(r"\d+", sizes)))


def test_functions_of_one_name_are_the_same_in_every_loop_of_a_coding():
    sources = defaultdict(list)
    for module in SOURCES.values():
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__:
                folder = "" if name in OF_ANNEX_A else module.__name__.rpartition(".")[0]
                sources[folder, name].append(inspect.getsource(function))
    assert [len(sources["", name]) for name in OF_ANNEX_A] == [3, 3]
    assert [name for name, texts in sources.items() if len(set(texts)) > 1] == []
