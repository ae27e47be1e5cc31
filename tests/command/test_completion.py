"""Shell completion: what the shells are told, by their protocols, and what the shells make of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import run_forked

KMQ = Path(sys.executable).with_name("kmq")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("photo one.png", "photo2.png", "other.kmq"):
        (tmp_path / name).touch()
    return tmp_path


def asked(shell, line, **more):
    """Return what kmq answers a shell that completes the last word of a line."""
    words = line.split(" ")
    variables = {
        "bash": {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }
    environment = os.environ | variables[shell] | {"_KMQ_COMPLETE": f"complete_{shell}"} | more
    if hasattr(os, "fork"):  # which is quicker
        return run_forked([], b"", environment)
    return subprocess.run([KMQ], env=environment, capture_output=True, check=False)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kmq v", ["verify"]),
        ("kmq encode --cod", ["--coding"]),
        ("kmq encode a.png --coding ", ["auto", "packed", "zstd", "context", "adaptive"]),
        ("kmq encode a.png b.png --dither fl", ["floyd-steinberg"]),
        ("kmq decode --reg", ["--region"]),
        ("kmq verify a.kmq --js", ["--json"]),
    ],
)
def test_words_are_completed(shell, line, words):
    done = asked(shell, line)
    told = done.stdout.decode()
    assert done.stderr == b""
    if shell == "zsh":
        assert [word for word in words if f'"{word}"' in told] == words
    else:
        assert [line.partition("\t")[0] for line in told.splitlines()] == words


@pytest.mark.parametrize("command", ["encode", "decode", "verify", "info", "demo"])
def test_of_a_long_description_no_line_is_taken_for_a_word(command):
    told = asked("fish", f"kmq {command} -", COLUMNS="40").stdout.decode().splitlines()
    assert told
    assert all(line.startswith("-") and "\t" in line for line in told)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    "line",
    ["kmq encode ph", "kmq encode a.png ph", "kmq decode -o ", "kmq verify ", "kmq encode --palette p"],
)
def test_names_of_files_are_left_to_the_shell(shell, line):
    assert asked(shell, line).stdout.strip() == (b"_files" if shell == "zsh" else b"")
    if shell == "fish":
        assert asked("fish", line, _TYPER_COMPLETE_FISH_ACTION="is-args").returncode == 1
        assert asked("fish", "kmq v", _TYPER_COMPLETE_FISH_ACTION="is-args").returncode == 0


def script(shell):
    """Return what `kmq --show-completion` prints in a shell; it finds out which by its parent."""
    done = subprocess.run([shell, "-c", f"'{KMQ}' --show-completion; :"], capture_output=True, check=True)
    return done.stdout.decode()


@pytest.mark.posix
def test_bash_completes_words_and_falls_back_to_files(folder):
    program = (
        script("bash")
        + """
    complete -p kmq
    tried() { COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _kmq_completion kmq; echo "${COMPREPLY[*]}"; }
    IFS=" "
    tried kmq v; tried kmq encode a.png --space ""; tried kmq encode ph
    """
    )
    environment = os.environ | {"PATH": f"{KMQ.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", program],  # noqa: S607
        env=environment,
        capture_output=True,
        check=True,
    )
    registered, *tried = done.stdout.decode().splitlines()
    assert "-o default" in registered  # bash's own names of files, where there are no words
    assert tried == ["verify", "oklab srgb", ""]


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_completes_words_and_names_of_files(folder):
    (folder / "kmq.fish").write_text(script("fish"))
    environment = os.environ | {"PATH": f"{KMQ.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    for line, words in [
        ("kmq v", ["verify"]),
        ("kmq encode --space ", ["oklab", "srgb"]),
        ("kmq encode --quiet ph", ["photo one.png", "photo2.png"]),
    ]:
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source kmq.fish; complete -C '{line}'"],  # noqa: S607
            env=environment,
            capture_output=True,
            check=True,
        )
        assert [shown.partition("\t")[0] for shown in done.stdout.decode().splitlines()] == words


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh_takes_its_script(folder):
    (folder / "kmq.zsh").write_text(script("zsh"))
    program = (
        "autoload -Uz compinit; compinit -u -d dump; source kmq.zsh; print ${_comps[kmq]};"
        # What is to be evaluated calls these; the first in its last argument, the words.
        "_arguments() { print -r -- $*[-1] }; _files() { print files };"
        "words=(kmq v); CURRENT=2; _kmq_completion; words=(kmq encode ph); CURRENT=3; _kmq_completion"
    )
    environment = os.environ | {"PATH": f"{KMQ.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run(
        ["zsh", "-f", "-c", program],  # noqa: S607
        env=environment,
        capture_output=True,
        check=True,
    )
    function, words, *files = done.stdout.decode().splitlines()
    assert function == "_kmq_completion"
    assert words.startswith('*: :(("verify":"')
    assert files == ["files"]
