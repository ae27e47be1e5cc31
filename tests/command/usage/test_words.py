"""How words are read: the parser by itself, against getopt; and what a line of wrong usage says."""

import getopt
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import run
from kmq_cli.app import MODULES, command_of
from kmq_cli.terminal.failures import UsageError
from kmq_cli.usage.declared import Kind, Option
from kmq_cli.usage.parsing import line_of

OPTIONS = (
    Option("force", ("-f", "--force"), "", default=False),
    Option("quiet", ("-q", "--quiet"), "", default=False),
    Option("k", ("-k", "--colours"), "", Kind("N")),
    Option("output", ("-o", "--output"), "", Kind("OUT")),
)
SHORT = {"-f": "force", "-q": "quiet", "-k": "k", "-o": "output", "-h": "help"}
LONG = {"--force": "force", "--quiet": "quiet", "--colours": "k", "--output": "output", "--help": "help"}

WORDS = st.sampled_from(
    [*SHORT, *LONG, "-", "--", "a", "b c", "", "-fq", "-k16", "-fk", "-qo-", "--colours=3", "--output=", "-5"]
)


def by_getopt(words):
    """Return what Python's getopt makes of words; None if it refuses them."""
    try:
        pairs, arguments = getopt.gnu_getopt(
            words, "fqhk:o:", ["force", "quiet", "help", "colours=", "output="]
        )
    except getopt.GetoptError:
        return None
    return {(SHORT | LONG)[name]: value for name, value in pairs}, arguments


@given(st.lists(WORDS, max_size=6))
def test_words_are_read_as_getopt_does(words):
    expected = by_getopt(words)
    try:
        line = line_of(words, OPTIONS)
    except UsageError:
        assert expected is None
        return
    assert expected is not None
    values = {option.parameter: value for option, (_, value) in line.given.items()}
    assert (
        {name: "" if value is True else value for name, value in values.items()},
        line.arguments,
    ) == expected


@pytest.mark.parametrize("word", ["--forc", "--out=x", "--colour"])
def test_nothing_is_abbreviated(word):
    with pytest.raises(UsageError, match=f"there is no option {word.partition('=')[0]}; did you mean --"):
        line_of([word], OPTIONS)


@pytest.mark.parametrize("name", MODULES)
def test_a_command_takes_the_options_that_it_declares(name):
    command = command_of(name)
    assert command.name == name
    code = command.run.__code__
    parameters = set(code.co_varnames[: code.co_kwonlyargcount])
    declared = {command.argument.parameter, *(option.parameter for option in command.options)}
    assert parameters <= declared
    assert parameters == declared or code.co_flags & 0x08  # which takes the rest by **
    names = [name for option in command.options for name in (*option.names, option.off) if name]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "kmq: there is no command nonsense; kmq --help lists them"),
        ("compress x.png", "kmq: there is no command compress; did you mean encode?"),
        ("encod x.png", "kmq: there is no command encod; did you mean encode or decode?"),
        ("-q", "kmq: there is no option -q; --help lists them"),
        ("encode", "IN is missing: kmq encode [OPTIONS] IN..."),
        ("info a b", "'b' is one too many: kmq info [OPTIONS] IN"),
        ("encode x --forse", "there is no option --forse; did you mean --force or --frame?"),
        ("encode x --wrong", "there is no option --wrong; --help lists them"),
        ("encode x --resume", "there is no option --resume; did you mean --skip-existing?"),
        ("info x --resume", "there is no option --resume; --help lists them"),
        ("encode x --psnr", "--psnr needs a value: --psnr DB"),
        ("encode x -fk", "-k needs a value: -k N|auto"),
        ("encode x --quiet=1", "--quiet takes no value: type --quiet alone"),
        ("encode x -k 0", "-k: '0' is neither a number from 1 to 65,536 nor auto"),
        ("encode x --coding zip", "--coding: 'zip' is not one of auto, packed, zstd, context, adaptive"),
        ("encode x -j 257", "-j: '257' is not a whole number from 1 to 256"),
        ("encode x --n-init 1.5", "--n-init: '1.5' is not a whole number from 1 to 2,147,483,647"),
        ("encode x --psnr nan", "--psnr: 'nan' is not a number from 0 up"),
        ("encode x --psnr inf", "--psnr: 'inf' is not a number from 0 up"),
        ("encode x --strength 2", "--strength: '2' is not a number from 0 to 1"),
        ("encode x --bpp 2 -k auto", "--bpp looks for a number of colours, as -k auto does: leave one out"),
        ("decode x --region 1,2", "--region: '1,2' is not X,Y,WIDTH,HEIGHT, four numbers of pixels"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line_that_says_what_to_type(folder, line, said):
    done = run(*line.split(), check=2)
    name = line.split()[0]
    told = f"kmq {name}: {said}\n" if name in MODULES else f"{said}\n"
    assert (done.stdout, done.stderr.decode()) == (b"", told)


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 300])
@pytest.mark.parametrize("words", [["--help"], *([name, "-h"] for name in MODULES)])
def test_help_says_everything_in_the_width_there_is(words, columns):
    told = run(*words, check=0, env=os.environ | {"COLUMNS": str(columns)}).stdout.decode()
    if columns >= 60:
        assert max(map(len, told.splitlines())) <= min(columns, 100)
    if words != ["--help"]:
        command, flat = command_of(words[0]), re.sub(r"\s+", " ", told)
        for option in command.options:
            assert ", ".join(filter(None, (*option.names, option.off))) in flat
            assert " ".join(option.help.split()) in flat
        assert "`" not in told
        for example in re.findall("`(.*)`", command.examples):
            assert example in flat


def test_no_words_print_the_help_and_are_wrong_usage():
    assert run(check=2).stdout == run("--help", check=0).stdout


@pytest.mark.parametrize(
    ("environment", "has_styles", "has_colours"),
    [
        ({}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
    ],
)
def test_styles_are_for_terminals_and_colours_for_who_wants_them(environment, has_styles, has_colours):
    clean = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "NO_COLOR")}
    told = run("info", "--help", check=0, env=clean | environment).stdout.decode()
    assert ("\x1b[1m" in told) == has_styles
    assert ("\x1b[36m" in told) == has_colours
    assert re.sub(r"\x1b\[[\d;]*m", "", told) == run("info", "--help", check=0, env=clean).stdout.decode()
