"""Shell completion: what the shells are told, what they make of it, and where the scripts are installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import shellingham

from commands import run_forked
from kmq_cli.usage import shells

KMQ = Path(sys.executable).with_name("kmq")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("photo one.png", "photo2.png", "other.kmq"):
        (tmp_path / name).touch()
    return tmp_path


def asked(line):
    """Return what kmq answers a shell that completes the last word of a line: words, and what they mean."""
    _, *before, word = line.split(" ")
    environment = os.environ | {"_KMQ_COMPLETE": f"={word}"}
    if hasattr(os, "fork"):  # which is quicker
        done = run_forked(before, b"", environment)
    else:
        done = subprocess.run([KMQ, *before], env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return [told.split("\t") for told in done.stdout.decode().splitlines()]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kmq v", ["verify"]),
        ("kmq ", ["encode", "decode", "info", "verify", "palette", "compare", "demo"]),
        ("kmq --v", ["--version"]),
        ("kmq encode --cod", ["--coding"]),
        ("kmq encode a.png --coding ", ["auto", "packed", "zstd", "context", "adaptive"]),
        ("kmq encode a.png b.png --dither fl", ["floyd-steinberg"]),
        ("kmq encode -qk ", ["auto"]),
        ("kmq encode --no-s", ["--no-skip-if-larger"]),
        ("kmq decode --reg", ["--region"]),
        ("kmq verify a.kmq --js", ["--json"]),
        ("kmq info --h", ["--help"]),
    ],
)
def test_words_are_completed(line, words):
    assert [word for word, _ in asked(line)] == words


@pytest.mark.parametrize("command", ["encode", "decode", "verify", "info", "demo"])
def test_a_line_says_what_one_option_means(command):
    told = asked(f"kmq {command} -")
    assert ["--help", "Show the help and exit."] in told
    assert all(word.startswith("-") and meaning for word, meaning in told)


@pytest.mark.parametrize(
    "line",
    [
        "kmq encode ph", "kmq encode a.png ph", "kmq decode -o ", "kmq verify ", "kmq encode --palette p",
        "kmq encode -- -", "kmq nonsense ",
    ],
)  # fmt: skip
def test_names_of_files_are_left_to_the_shell(line):
    assert asked(line) == []


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
        "_describe() { print -r -- ${(P)2} }; _files() { print files };"
        "words=(kmq v); CURRENT=2; _kmq_completion; words=(kmq encode ph); CURRENT=3; _kmq_completion;"
        "words=(kmq encode --space '' x.png); CURRENT=4; _kmq_completion"
    )
    environment = os.environ | {"PATH": f"{KMQ.parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    done = subprocess.run(
        ["zsh", "-f", "-c", program],  # noqa: S607
        env=environment,
        capture_output=True,
        check=True,
    )
    function, words, files, choices = done.stdout.decode().splitlines()
    assert function == "_kmq_completion"
    assert words.startswith("verify:Check .kmq files: every checksum")
    assert files == "files"
    assert choices == "oklab: srgb:"


@pytest.mark.posix
@pytest.mark.parametrize(
    ("shell", "place", "start"),
    [("bash", ".bash_completions/kmq.sh", ".bashrc"), ("zsh", ".zfunc/_kmq", ".zshrc"),
     ("fish", ".config/fish/completions/kmq.fish", None)],
)  # fmt: skip
def test_a_script_is_installed_once_and_the_shell_told_of_it(folder, shell, place, start):
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")
    if start is not None:
        (folder / start).write_text("alias x=y")
    environment = os.environ | {"HOME": str(folder)}
    for _ in range(2):
        done = subprocess.run(
            [shell, "-c", f"'{KMQ}' --install-completion; :"],
            env=environment,
            capture_output=True,
            check=True,
        )
        assert done.stdout.decode().startswith(f"{folder / place} completes kmq")
    assert (folder / place).read_text() == script(shell)
    if start is not None:
        first, second = (folder / start).read_text().splitlines()
        assert first == "alias x=y"
        assert str(folder / place) in second or "~/.zfunc" in second


def test_an_unknown_shell_is_refused_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(shellingham, "detect_shell", lambda: ("csh", "/bin/csh"))
    with pytest.raises(SystemExit) as leave:
        shells.script()
    assert leave.value.code == 1
    assert capsys.readouterr().err == (
        "kmq: completion: csh has none; bash, zsh, fish, powershell, pwsh have\n"
    )
