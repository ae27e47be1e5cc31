"""Hundreds of real processes in seconds: one that has kmq loaded forks a child for every command it is sent.

A program, and `ForkedCommands` to use it. Each line of its standard input is a JSON list of commands, each
line of its output the list of what became of them. A command is an object of

    arguments  of `kmq`; or "save", a shade of grey, a path, and "force" or "keep", for kmq.save
    folder     to run it in
    env        its environment, or null for the program's own
    stdin      what it reads from a pipe that then ends, as Latin-1; at most PIPE_BYTES
    signal     what it sends itself, or null,
    files      before executing a line of files whose paths end so,
    line       namely the one of this number, from 0, in the order of execution
    most       how many bytes a file may have before the system kills who writes more, or null
    constants  what other values constants have, by their modules' names and their own

and what became of it one of `code` (negative: the signal that killed it), `out`, `err`, and `reached`:
whether there was such a line. The commands run at the same time; but after one that stops itself
(SIGSTOP), the next ones run to their ends before it goes on.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile

import numpy as np

import kmq
import kmq_cli

LOADED_LATER = ("sklearn.cluster", "sklearn.datasets", "kmq_cli.compare.run", "kmq_cli.palette.swatches")
"""What commands load only where they need it: a second of processor time that each child would take again."""

PIPE_BYTES = 1 << 16
"""What a pipe holds, on Linux, though nobody reads from it."""


def signal_at(command, reached):
    """Send this process a signal when it comes to a line, having written a byte to `reached`."""
    left = command["line"]

    def trace(frame, event, _):
        nonlocal left
        if event == "call":
            return trace if frame.f_code.co_filename.endswith(tuple(command["files"])) else None
        if event == "line":
            if left == 0:
                os.write(reached, b"!")
                os.kill(os.getpid(), command["signal"])
            left -= 1
        return trace

    sys.settrace(trace)


def run(command):
    """Run the command in this process; return its exit code."""
    os.chdir(command["folder"])
    if command.get("env") is not None:
        os.environ.clear()
        os.environ.update(command["env"])
        tempfile.tempdir = None  # which was found in the environment of the program
    if command["arguments"][:1] == ["save"]:
        return save(*command["arguments"][1:])
    for module, values in command.get("constants", {}).items():
        vars(importlib.import_module(module)).update(values)
    sys.argv = ["kmq", *command["arguments"]]
    try:
        kmq_cli.main()
    except SystemExit as leave:
        return leave.code or 0
    raise AssertionError("kmq leaves by SystemExit")


def save(shade, path, overwrite):
    """Save a picture, and tell as the command does how that went."""
    try:
        kmq.save(path, np.full((5, 7), int(shade), np.uint8), coding="packed", overwrite=overwrite == "force")
    except OSError as error:
        print(f"save: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("save: interrupted", file=sys.stderr)
        return 130
    return 0


def become(command, start, streams, reached):
    """Be the command, from the moment that `start` is closed."""
    os.read(start, 1)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background may ignore it
    if command["most"] is not None:
        import resource  # noqa: PLC0415  which Windows hasn't

        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (command["most"], command["most"]))
    if command["signal"] is not None:
        signal_at(command, reached)
    code = run(command)
    sys.settrace(None)
    sys.stderr.flush()
    os._exit(code)  # what the interpreter does at its end takes longer than the command


def started(command, ready, go):
    """Fork a child that waits for `ready`; return its process id, and where it will write."""
    stdin, feed = os.pipe()
    os.write(feed, command["stdin"].encode("latin-1"))
    os.close(feed)
    out, err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  `ended` closes them
    seen, reached = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        become(command, ready, (stdin, out.fileno(), err.fileno()), reached)
    os.close(stdin)
    os.close(reached)
    return child, out, err, seen


def outcome(status, out, err, seen):
    """Return what became of a child that ended with this status."""
    became = {"code": os.waitstatus_to_exitcode(status), "reached": os.read(seen, 1) == b"!"}
    os.close(seen)
    for name, file in (("out", out), ("err", err)):
        file.seek(0)
        became[name] = file.read().decode("latin-1")
        file.close()
    return became


def outcomes(commands):
    """Run the commands as the text above says; return what became of them."""
    if not commands:
        return []
    stops = commands[0]["signal"] == signal.SIGSTOP
    now, later = (commands[:1], commands[1:]) if stops else (commands, [])
    ready, go = os.pipe()
    children = [started(command, ready, go) for command in now]
    os.close(ready)
    os.close(go)
    statuses = [os.waitpid(child, os.WUNTRACED)[1] for child, *_ in children]
    after = outcomes(later)
    if os.WIFSTOPPED(statuses[0]):
        os.kill(children[0][0], signal.SIGCONT)
        statuses = [os.waitpid(children[0][0], 0)[1]]
    return [outcome(status, *rest) for status, (_, *rest) in zip(statuses, children, strict=True)] + after


def load(later):
    """Load what the commands need, by running them, so that no child has to; and leave it to no collector."""
    pixel = bytes.fromhex("503520312031203235350a07")  # a PGM of one grey pixel
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w", encoding="utf-8") as nothing:
        before, sys.stdout = sys.stdout, nothing
        with open(f"{folder}/x.pgm", "wb") as file:
            file.write(pixel)
        for arguments in (["encode", "x.pgm"], ["decode", "x.kmq"], ["info", "x.kmq"], ["encode", "--help"]):
            if run({"folder": folder, "arguments": arguments}) != 0:
                raise SystemExit(f"kmq {arguments[0]} fails")
        sys.stdout = before
        os.chdir("/")
    for name in later:
        importlib.import_module(name)
    gc.freeze()


class ForkedCommands:
    """The program, behind the words `before`, as a function of commands that returns what became of them.

    With `later`, its children find loaded what few commands need. Without, they are forked in half the time.
    """

    def __init__(self, *before, later=False):
        alone = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # no threads that a fork would lose
        self.process = subprocess.Popen(
            [*before, sys.executable, __file__, *(LOADED_LATER if later else ())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=alone,
        )

    def __call__(self, *commands):
        default = {"stdin": "", "signal": None, "files": [], "line": 0, "most": None}
        self.process.stdin.write(json.dumps([default | command for command in commands]) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


if __name__ == "__main__":
    load(sys.argv[1:])
    for request in sys.stdin:
        print(json.dumps(outcomes(json.loads(request))), flush=True)
