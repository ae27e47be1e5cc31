"""The layout of the code: which room may import which; how large folders, modules and functions may be."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

import kmq
import kmq.pillow

ROOT = Path(__file__).parents[2]

FLOORS = (
    {"_ground"},
    {"_indexed"},
    {"_colours", "_coding"},
    {"_picture", "_container"},
    {"_plane", "_file"},
    {"_palette"},
    {"_encode"},
    {"pillow", "dask"},
    {"__init__"},
)
"""The rooms of codec/kmq, from the ground up. Each imports only rooms of lower floors, and itself."""

PUBLIC = {"kmq": {*kmq.__all__, "dask", "__version__"}, "kmq.pillow": set(kmq.pillow.__all__)}
"""What the command may import from where."""

PACKAGES = {"kmq": "codec", "kmq_cli": "cli", "bench": "."}
"""Each package and the folder that it is in."""

FOLDERS = ("codec", "cli", "bench", "tests", "spec", "docs/tools")

MOST_ENTRIES, MOST_MODULES, MOST_LINES = 14, 14, 400
MOST_OF_A_FUNCTION, MOST_OF_A_LOOP = 60, 150


def sources(package: str) -> dict[str, str]:
    """Return the sources of a package by the names of its modules."""
    folder = ROOT / PACKAGES[package]
    found = {}
    for path in sorted((folder / package).rglob("*.py")):
        name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        found[name] = path.read_text("utf-8")
    return found


def imports(source: str, modules: Iterable[str]) -> set[str]:
    """Return which of `modules` a source imports anywhere: in functions and for type checks too."""
    known, found = set(modules), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names if names <= known else {node.module, *names}
    return found & known


def graph(modules: Mapping[str, str]) -> dict[str, set[str]]:
    """Return which modules each module imports."""
    return {name: imports(source, modules) for name, source in modules.items()}


def room(module: str) -> str:
    """Return the room of a module of kmq: the folder, or the module itself at the top."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def wrong_ways_up(imported: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield what is wrong with the order of the rooms."""
    floors = {name: number for number, rooms in enumerate(FLOORS) for name in rooms}
    for module, others in imported.items():
        for other in sorted(others):
            here, there = room(module), room(other)
            if {here, there} - floors.keys():
                yield f"{module} imports {other}: which floor is each on? FLOORS says"
            elif here != there and floors[there] >= floors[here]:
                yield f"{here} imports {there}, which is not below it: {module} imports {other}"


def circles(imported: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield a line for a circle of imports, if there is one."""
    left = {module: others - {module} for module, others in imported.items()}
    while free := {module for module, others in left.items() if not others}:
        left = {module: others - free for module, others in left.items() if module not in free}
    if left:  # each module that is left imports another one of them, so that this walk comes back
        path = [min(left)]
        while path[-1] not in path[:-1]:
            path.append(min(left[path[-1]]))
        yield " imports ".join(path[path.index(path[-1]) :])


def private_imports(module: str, source: str, public: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield what a module takes from kmq that isn't public."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            taken = {alias.name for alias in node.names if alias.name.split(".")[0] == "kmq"}
            taken -= {"kmq", *(f"kmq.{name}" for name in public["kmq"])}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "kmq":
            allowed = public.get(node.module or "", set())
            taken = {f"{node.module}.{alias.name}" for alias in node.names if alias.name not in allowed}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "kmq":
            taken = {f"kmq.{node.attr}"} - {f"kmq.{name}" for name in public["kmq"]}
        else:
            continue
        for name in sorted(taken):
            yield f"{module}:{node.lineno} takes {name}, which isn't public"


def long_functions(path: Path, source: str) -> Iterator[str]:
    """Yield the functions of a module that are too long, from `def` to the last line."""
    most = MOST_OF_A_LOOP if path.name.endswith("_loop.py") else MOST_OF_A_FUNCTION
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > most:
                yield f"{path}: {node.name} has {lines} lines; {most} are allowed"


def modules_in(folder: str) -> dict[Path, str]:
    """Return the sources of the modules below a folder, by their paths in the repository."""
    return {path.relative_to(ROOT): path.read_text("utf-8") for path in sorted((ROOT / folder).rglob("*.py"))}


def crowded_folders(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the folders that have too many modules, an `__init__.py` not counted."""
    counts: dict[Path, int] = {}
    for path in paths:
        counts[path.parent] = counts.get(path.parent, 0) + (path.name != "__init__.py")
    for folder, count in counts.items():
        if count > MOST_MODULES:
            yield f"{folder}: {count} modules; {MOST_MODULES} are allowed"


def test_a_room_imports_only_rooms_below_it():
    assert list(wrong_ways_up(graph(sources("kmq")))) == []


def test_every_floor_has_its_rooms():
    assert set.union(*FLOORS) == {room(module) for module in sources("kmq")}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_modules_import_each_other_in_a_circle(package):
    assert list(circles(graph(sources(package)))) == []


def test_the_command_takes_only_what_is_public():
    modules = sources("kmq_cli").items()
    assert [wrong for name, source in modules for wrong in private_imports(name, source, PUBLIC)] == []


def test_the_init_of_a_room_is_one_docstring():
    faces = [path for folder in ("codec", "cli") for path in modules_in(folder) if path.name == "__init__.py"]
    rooms = [path for path in faces if path.parts[:-1] not in (("codec", "kmq"), ("cli", "kmq_cli"))]
    assert len(rooms) > 10
    for path in rooms:
        body = ast.parse((ROOT / path).read_text("utf-8")).body
        assert [type(node) for node in body] == [ast.Expr], f"{path} has more than a docstring"


def test_the_library_can_be_seen_at_a_glance():
    kept = (".py", ".typed")
    entries = [path.name for path in (ROOT / "codec/kmq").iterdir() if path.suffix in kept or _is_room(path)]
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def _is_room(path: Path) -> bool:
    return path.is_dir() and path.name != "__pycache__"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_folder_is_crowded(folder):
    assert list(crowded_folders(modules_in(folder))) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_is_too_long(folder):
    lines = {str(path): len(source.splitlines()) for path, source in modules_in(folder).items()}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_function_is_too_long(folder):
    modules = modules_in(folder).items()
    assert [line for path, source in modules for line in long_functions(path, source)] == []


LOW = "def read():\n    from kmq._picture.canonical import canonical_image\n"
TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from kmq._coding import codings\n"


@pytest.mark.parametrize(
    ("module", "source", "message"),
    [
        ("kmq._ground.reading", LOW, "_ground imports _picture, which is not below it: kmq._ground.reading"),
        ("kmq._colours.loss", TYPES, "_colours imports _coding, which is not below it: kmq._colours.loss"),
        ("kmq._encode.job", "import kmq.dask\n", "_encode imports dask, which is not below it"),
        ("kmq._file.kmq_file", "import kmq\n", "_file imports __init__, which is not below it"),
        ("kmq._new.idea", "from kmq._ground import errors\n", "which floor is each on"),
    ],
)
def test_an_import_up_or_across_is_found(module, source, message):
    modules = {**sources("kmq"), module: source}
    (wrong,) = wrong_ways_up(graph(modules))
    assert message in wrong


def test_an_import_down_or_within_a_room_is_right():
    modules = {**sources("kmq"), "kmq._file.new": "import kmq._file.ledger\nfrom kmq._ground import errors\n"}
    assert list(wrong_ways_up(graph(modules))) == []


def test_a_circle_is_found_and_named():
    imported = {"a": {"b"}, "b": {"c", "d"}, "c": {"b"}, "d": set(), "e": {"a"}}
    assert list(circles(imported)) == ["b imports c imports b"]
    assert list(circles({**imported, "c": {"d"}})) == []


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        ("from kmq._file.decoder import MAX_PIXELS", "kmq._file.decoder.MAX_PIXELS"),
        ("from kmq import _file", "kmq._file"),
        ("import kmq._file.decoder", "kmq._file.decoder"),
        ("import kmq\nkmq._file.decoder.decode(b'')", "kmq._file"),
        ("from kmq import np", "kmq.np"),
        ("from kmq.pillow import Image", "kmq.pillow.Image"),
    ],
)
def test_a_private_name_of_the_library_is_found(source, taken):
    (wrong,) = private_imports("kmq_cli.x", source, PUBLIC)
    assert f"takes {taken}, which isn't public" in wrong


@pytest.mark.parametrize(
    "source",
    [
        "import kmq\nkmq.encode(x)",
        "import kmq.dask",
        "from kmq import KmqError, open",
        "from kmq.pillow import KmqImageFile",
        "import os",
    ],
)
def test_a_public_name_of_the_library_is_right(source):
    assert list(private_imports("kmq_cli.x", source, PUBLIC)) == []


def test_a_long_function_and_a_crowded_folder_are_found():
    source = "def f():\n" + "    pass\n" * 60
    assert list(long_functions(Path("x.py"), source)) == ["x.py: f has 61 lines; 60 are allowed"]
    assert list(long_functions(Path("x_loop.py"), source)) == []
    paths = [Path("a", f"{number}.py") for number in range(15)]
    assert list(crowded_folders(paths)) == ["a: 15 modules; 14 are allowed"]
    assert list(crowded_folders([*paths[1:], Path("a/__init__.py")])) == []
