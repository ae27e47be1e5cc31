"""What fuzzing has found worth keeping: every input is checked again, without a fuzzer."""

import os
import sys
import warnings
from pathlib import Path

import pytest
from PIL import Image

import fuzz_command
import fuzz_decode
import fuzz_round_trip

FUZZ = Path(__file__).parents[1] / "fuzz"
CHECKS = {
    "decode": fuzz_decode.check,
    "round_trip": fuzz_round_trip.check,
    "command": fuzz_command.check,
}


def inputs(folder):
    """Return the inputs in a folder. Fails if there are none."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    assert paths, f"{folder} has no inputs"
    return paths


@pytest.mark.parametrize("name", CHECKS)
def test_every_input_of_the_corpus_passes_its_check(name):
    for path in inputs(FUZZ / "corpus" / name):
        try:
            CHECKS[name](path.read_bytes())
        except Exception as error:
            error.add_note(f"input: {path}")
            raise


def test_what_was_found_once_is_not_found_again():
    for path in sorted((FUZZ / "findings").glob("*-*")):
        CHECKS[path.name.split("-", 1)[0]](path.read_bytes())


def test_a_check_of_the_command_leaves_this_process_as_it_was():
    def state():
        streams = sys.argv, sys.stdin, sys.stdout, sys.stderr
        return Image.MAX_IMAGE_PIXELS, Path.cwd(), dict(os.environ), streams, warnings.filters[:]

    before = state()
    for path in inputs(FUZZ / "corpus" / "command"):
        fuzz_command.check(path.read_bytes())
        assert state() == before, path


@pytest.mark.parametrize("name", CHECKS)
def test_a_corpus_is_small(name):
    sizes = [path.stat().st_size for path in inputs(FUZZ / "corpus" / name)]
    assert max(sizes) < 4096
    assert sum(sizes) < 1 << 19


@pytest.mark.parametrize("name", CHECKS)
def test_a_corpus_that_is_empty_or_missing_is_an_error(name, tmp_path):
    with pytest.raises(FileNotFoundError):
        inputs(tmp_path / name)
    (tmp_path / name).mkdir()
    with pytest.raises(AssertionError, match="has no inputs"):
        inputs(tmp_path / name)


def test_the_corpus_has_pictures_and_refusals_of_every_coding():
    pictures, refusals = set(), set()
    for path in inputs(FUZZ / "corpus" / "decode"):
        data = path.read_bytes()
        try:
            with fuzz_decode.kmq.KmqFile(data, max_pixels=fuzz_decode.MAX_PIXELS) as file:
                coding = file.coding
                file.indices()
        except fuzz_decode.MAY_BE_RAISED as error:
            refusals.add(type(error).__name__)
        else:
            pictures.add(coding)
    assert pictures == {"packed", "zstd", "context", "adaptive"}
    assert refusals == {error.__name__ for error in fuzz_decode.MAY_BE_RAISED}
