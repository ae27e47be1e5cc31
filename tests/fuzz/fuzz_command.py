"""Fuzzes the command: bytes become files in a folder and arguments, and it is run on them in this process.

    python tests/fuzz/fuzz_command.py tests/fuzz/corpus/command

The README beside this file has the rest.
"""

import contextlib
import io
import json
import os
import re
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

from PIL import Image

import fuzzing
from draws import Draws

with fuzzing.instrumented(__name__, "kmq", "kmq_cli"):
    import kmq
    import kmq_cli

INPUTS = ("in.kmq", "in.png", "in.kmq", "in.png", "in.gif", "-", "absent.kmq", ".")
OUTPUTS = (None, None, None, "out", "-", "taken", "in", "out.webp", "out.txt", ".", "no/out.png")
"""Names of files are from these lists: bytes must not say what is written, or read, outside the folder."""

HEAD = 24
"""Bytes that the arguments are drawn from; the files' contents follow."""

TAKEN = b"already here"
MOST_PIXELS = ("4096", "4096", "64", "1")
"""Most pixels, always: Pillow's formats, too, have large pictures in few bytes."""

PASSED = 0
CODES = (PASSED, 1, 2, 3)


def check(data):
    """Raise unless the command does with these files and arguments what it promises, and nothing else."""
    head = Draws(data[:HEAD])
    second_bytes = head.below(256) * head.below(2)
    arguments, inputs, output = _arguments(head)
    files = Draws(data[HEAD:])
    second, first = files.take(second_bytes), files.rest()
    before = {name: first for name in inputs if name.startswith("in.")}
    before |= {"palette.gpl": second, "palette.hex": second, "palette.act": second, "original.png": second}
    before |= {"taken.png": TAKEN, "taken.kmq": TAKEN}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name, content in before.items():
            Path(name).write_bytes(content)
        code, out, err = _run(arguments, stdin=first)
        after = {path.name: path.read_bytes() for path in Path().iterdir()}
    told = (arguments, code, err)
    assert code in CODES, told
    assert "Traceback" not in err, told
    changed = {name for name, content in after.items() if before.get(name) != content}
    assert not before.keys() - after.keys(), told
    if code != PASSED:
        assert not changed, (told, changed)
        assert err, told
        if code != 2:
            _check_one_line(err, told)
        return
    _check_notes(err, output, told)
    if arguments[0] == "info":
        assert not changed, (told, changed)
        return
    if output == "-":
        assert not changed, (told, changed)
        _check_whole(arguments[0], out, told)
        return
    named = output if output != "." else None  # a folder, which gets a file of the default name
    name = named or Path(arguments[1]).with_suffix(".kmq" if arguments[0] == "encode" else ".png").name
    assert changed == {name} or (not changed and before.get(name) == after[name]), (told, changed)
    assert name not in before or "--force" in arguments, told
    _check_whole(arguments[0], after[name], told)


def _arguments(draws):
    """Draw arguments; return them with the names of inputs and the output."""
    command = draws.choice(["decode", "info", "encode"])
    source = draws.choice(INPUTS)
    arguments = [command, source, "--max-pixels", draws.choice(MOST_PIXELS)]
    output = None
    if command != "info":
        output = draws.choice(OUTPUTS)
        if output in ("out", "taken", "in"):
            output += ".kmq" if command == "encode" else ".png"
        if output is not None:
            arguments += ["-o", output]
        elif source == "-":
            output = "-"
        if draws.choice([False, True]):
            arguments.append("--force")
    elif draws.choice([False, True]):
        arguments += ["--original", draws.choice(["original.png", "in.png", "in.kmq"])]
    for _ in range(max(0, draws.below(6) - 2)):
        arguments += draws.choice(OPTIONS[command])(draws)
    return arguments, {source, "in.png", "in.kmq"}, output


def _text(name):
    """Draw any value: most are wrong, and must be refused in words."""
    return lambda draws: [f"{name}={draws.take(draws.below(6)).decode('latin-1').replace(chr(0), '')}"]


def _one_of(name, *values):
    return lambda draws: [name, draws.choice(values)]


OPTIONS = {
    "info": [lambda _: ["--json"], _text("--max-pixels")],
    "decode": [_one_of("--threads", "1", "2", "0"), _text("--threads"), lambda _: ["--nonsense"]],
    "encode": [
        _one_of("-k", "1", "2", "16", "300", "auto", "0"),
        _one_of("--coding", "auto", "packed", "zstd", "context", "adaptive", "deflate"),
        _one_of("--palette", "palette.gpl", "palette.hex", "palette.act", "in.kmq", "in.png", "pico-8"),
        _one_of("--max-bytes", "40", "200", "5"),
        _one_of("--psnr", "10", "99", "-1", "nan"),
        _one_of("--bpp", "0.5", "9"),
        _one_of("--tile", "16", "17"),
        _one_of("--dither", "none", "ordered", "floyd-steinberg"),
        _one_of("--keep", "icc", "exif,xmp", "icc,exif,xmp", "all", "density", "iptc"),
        _one_of("--effort", "fast", "default"),
        lambda _: ["--reorder-palette"],
        lambda _: ["--json"],
        lambda _: ["--quiet"],
        _text("-k"),
        _text("--strength"),
        _text("--tile"),
        _text("--space"),
        _text("--keep"),
    ],
}
"""Options by command. How long KMeans may take is for who asks: `--n-init` and `--max-iter` are not here."""


def _run(arguments, *, stdin):
    """Run the command; return its exit code, and what it wrote to standard output and standard error."""
    given, out, err = (io.TextIOWrapper(io.BytesIO(content), "utf-8") for content in (stdin, b"", b""))
    code = PASSED
    with (
        patch.object(sys, "argv", ["kmq", *arguments]),
        patch.object(sys, "stdin", given),
        patch.dict(os.environ, {"COLUMNS": "80", "NO_COLOR": "1"}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            kmq_cli.main()
        except SystemExit as end:
            code = end.code or PASSED
    out.flush()
    err.flush()
    return code, out.buffer.getvalue(), err.buffer.getvalue().decode("utf-8")


def _check_one_line(err, told):
    """Check that what went wrong is said in one line, after notes at most."""
    problems = [line for line in err.splitlines() if ": note: " not in line]
    assert len(problems) == 1, told
    assert re.match(f"kmq(?: {'|'.join(OPTIONS)})?: ", problems[0]), told
    assert err.endswith("\n"), told
    assert err.replace("\n", "").isprintable(), told


def _check_notes(err, output, told):
    """Check that a command that worked wrote notes at most; the ledger, where the file took the output."""
    for line in err.splitlines():
        if output == "-" and line.startswith("{"):
            json.loads(line)
        else:
            assert line.startswith("kmq: "), told
            assert ": note: " in line, told


def _check_whole(command, content, told):
    """Check that a file that was written is one."""
    if command == "encode":
        kmq.decode(content)
        return
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert image.width * image.height <= int(MOST_PIXELS[0]), told


def main():
    """Fuzz until something fails."""
    fuzzing.fuzz(check)


if __name__ == "__main__":
    main()
