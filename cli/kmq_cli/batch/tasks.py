"""From the arguments of a command to the files that it reads and the names of those that it makes."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kmq_cli.terminal.failures import UsageError
from kmq_cli.terminal.streams import STANDARD, is_device, with_suffix

MAGIC = frozenset("*?[")

FOLDER = "Is a directory; --recursive takes the files in it"

Takes = Callable[[str], bool]
"""Tells whether files with a suffix, in small letters and with its dot, are taken."""


@dataclass(frozen=True, slots=True)
class Task:
    """A file to work on, or one `frame` of it, and the name of the one to make of it ("" for none)."""

    source: str
    output: str = ""
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file.

    `status` is "written", "skipped" or "failed"; for `kmq verify`, "good", "bad" or "failed" (it couldn't be
    checked). `problem` says why a file is neither written nor good; `exists` is true if that is because its
    output exists. `exact` says whether every pixel of an encoded picture has its own colour. Sizes are in
    bytes. None is unknown.
    """

    source: str
    status: str
    output: str | None = None
    problem: str | None = None
    source_bytes: int | None = None
    output_bytes: int | None = None
    notes: tuple[str, ...] = ()
    exists: bool = False
    exact: bool | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """A file that was named or found; `place` is the path for its output below a folder."""

    path: str
    place: str


def is_one_file(arguments: Sequence[str], *, recursive: bool, jobs: int | None) -> bool:
    """Tell whether the arguments name one file, or standard input, and nothing asks for batch work."""
    return len(arguments) == 1 and not recursive and jobs is None and not _is_pattern(arguments[0])


def is_kmq(suffix: str) -> bool:
    """Tell whether a suffix is that of .kmq files."""
    return suffix == ".kmq"


def check_no_folder(argument: str) -> None:
    """Raise IsADirectoryError for a folder that was named without --recursive."""
    if Path(argument).is_dir():
        raise IsADirectoryError(errno.EISDIR, FOLDER, argument)


def inputs(
    arguments: Iterable[str], *, recursive: bool, kind: str, takes: Takes
) -> tuple[list[Input], list[Outcome]]:
    """Return the files that the arguments name, each once and in their order, and what failed.

    Patterns that the shell left alone are expanded. If `recursive` allows folders, their files whose suffix
    `takes` accepts are taken, at any depth; `kind` says what those are. Names that begin with a dot and
    linked folders are left out.
    """
    found: dict[str, Input] = {}
    problems = []
    for argument in arguments:
        if argument in ("", STANDARD):
            name = "standard input" if argument else "an empty name"
            raise UsageError(f"{name} can't be one of several inputs")
        if not _is_pattern(argument):
            names = [argument]
        else:
            names = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207  Path.glob takes no absolute ones
            if not names:
                problems.append(Outcome(argument, "failed", problem="matches no file"))
        for name in names:
            if not Path(name).is_dir():
                found.setdefault(_identity(name), Input(name, Path(name).name))
            elif not recursive:
                problems.append(Outcome(name, "failed", problem=FOLDER))
            else:
                before = len(found), len(problems)
                for item in _files_in(name, takes):
                    if isinstance(item, Outcome):
                        problems.append(item)
                    else:
                        found.setdefault(_identity(item.path), item)
                if before == (len(found), len(problems)):
                    problems.append(Outcome(name, "failed", problem=f"has no {kind} files"))
    return list(found.values()), problems


def with_outputs(
    files: Iterable[Input], folder: str | None, suffix: str, *, keep_suffix: bool = False
) -> list[Task]:
    """Return a task for each file: its output has `suffix` and is in `folder` (None: next to the file).

    With `keep_suffix`, that suffix is put after the file's own.
    """
    tasks = []
    for file in files:
        path = Path(file.path) if folder is None else Path(folder, file.place)
        tasks.append(Task(file.path, str(with_suffix(path, suffix, keep=keep_suffix))))
    return tasks


def apart(tasks: Sequence[Task]) -> tuple[list[Task], list[Outcome]]:
    """Return the tasks whose output no other task has and that is no source; and why the others fail."""
    sources = {_identity(task.source): task.source for task in tasks}
    outputs: dict[str, list[Task]] = {}
    for task in tasks:
        outputs.setdefault(_identity(task.output), []).append(task)
    good, failed = [], []
    for task in tasks:
        output = _identity(task.output)
        others = [other.source for other in outputs[output] if other is not task]
        if is_device(task.output):
            problem = f"would become {task.output}, beside a device; name a folder with -o"
        elif others:
            problem = f"would become {task.output}, and so would {others[0]}; {_way_out(outputs[output])}"
        elif output in sources and sources[output] != task.source:
            problem = f"would become {task.output}, which is one of the inputs"
        else:
            good.append(task)
            continue
        failed.append(Outcome(task.source, "failed", task.output, problem))
    return good, failed


def _way_out(tasks: Sequence[Task]) -> str:
    """Say how to make files that would have one name."""
    names = {Path(task.source).name for task in tasks}
    if len(names) == len(tasks):
        return f"--keep-suffix makes {Path(tasks[0].source).name}{Path(tasks[0].output).suffix} of it"
    return "make them one after the other, with a folder for each, -o"


def checked_folder(output: str | None, takes: Takes) -> str | None:
    """Return `output` if it can be the folder of several files. Raises UsageError.

    A missing folder whose name ends like a file's, in a suffix that `takes` accepts, is taken for a slip.
    """
    if output is None:
        return None
    if output in ("", STANDARD):
        name = "standard output" if output else "an empty name"
        raise UsageError(f"several files can't go to {name}; name a folder with -o")
    path = Path(output)
    if path.exists() and not path.is_dir():
        raise UsageError(f"{output} is a file; for several files, -o names a folder")
    if takes(path.suffix.lower()) and not path.is_dir():
        raise UsageError(f"{output} is the name of a file; for several files, -o names a folder")
    return output


def left_as_it_is(task: Task) -> Outcome:
    """Return what becomes of a file whose output exists and is to stay."""
    return Outcome(task.source, "skipped", task.output, exists(task.output), exists=True)


def exists(output: str) -> str:
    """Say why a file is left out whose output exists."""
    return f"{output} exists; --force overwrites it"


def _is_pattern(argument: str) -> bool:
    return not MAGIC.isdisjoint(argument) and not os.path.lexists(argument)


def _files_in(folder: str, takes: Takes) -> Iterator[Input | Outcome]:
    unread: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=unread.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and takes(Path(name).suffix.lower()):
                path = Path(root, name)
                yield Input(str(path), str(path.relative_to(folder)))
    for error in unread:
        yield Outcome(error.filename or folder, "failed", problem=error.strerror or str(error))


def _identity(name: str) -> str:
    """Return the same text for all names of a file, except links to it."""
    folder, last = os.path.split(name)
    return os.path.normcase(os.path.join(os.path.realpath(folder or os.curdir), last))  # noqa: PTH118
