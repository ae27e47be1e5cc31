"""The names and limits of `kmq encode`: those of `kmq.encode`, from which the command can't take them."""

import inspect
import re

import numpy as np
import pytest

import kmq
from kmq_cli.encode import options

PICTURE = np.zeros((2, 2), np.uint8)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("space", options.SPACE),
        ("effort", options.EFFORT),
        ("dither", options.DITHER),
        ("coding", options.CODING),
    ],
)
def test_the_choices_are_those_of_the_library(name, option):
    with pytest.raises(ValueError, match="must be one of ") as error:
        kmq.encode(PICTURE, **{name: "none of them"})
    assert re.split("must be one of ", str(error.value))[1].split(", ") == list(option.kind.words)


def taken(parse, text):
    """Return what the command makes of a text, in a list; an empty one if it refuses it."""
    try:
        return [parse(text)]
    except ValueError:
        return []


@pytest.mark.parametrize("number", [-1, 0, 1, 2, 255, 65_535, 65_536, 65_537])
def test_numbers_of_colours_are_refused_where_the_library_refuses_them(number):
    if taken(options.colours, str(number)):
        kmq.encode(PICTURE, options.colours(str(number)))
    else:
        with pytest.raises(ValueError, match="k is"):
            kmq.encode(PICTURE, number)


@pytest.mark.parametrize("side", [0, 8, 15, 16, 24, 32, 16_384, 32_768, 65_536])
def test_sides_of_tiles_are_refused_where_the_library_refuses_them(side):
    if taken(options.tile_side, str(side)):
        kmq.encode(PICTURE, tile=options.tile_side(str(side)))
    else:
        with pytest.raises(ValueError, match="tile is"):
            kmq.encode(PICTURE, tile=side)


def test_the_words_for_colours_and_tiles_are_those_of_the_library():
    assert taken(options.colours, "auto") == ["auto"] == taken(options.tile_side, "auto")
    assert taken(options.tile_side, "none") == [None]
    assert taken(options.colours, "many") == [] == taken(options.tile_side, "many")


def test_the_metadata_to_keep_has_the_names_of_the_library():
    assert options.metadata("icc,exif,xmp,density") == options.METADATA
    assert options.metadata("all") == ("all",)
    kmq.encode(PICTURE, keep=options.METADATA)
    with pytest.raises(ValueError, match=f"it can have {', '.join(options.METADATA)}, or all$"):
        kmq.encode(PICTURE, keep="iptc")
    assert taken(options.metadata, "icc,iptc") == []


def test_the_options_are_those_of_the_library_with_its_defaults():
    parameters = dict(inspect.signature(kmq.encode).parameters)
    del parameters["image"]
    assert {option.parameter for option in options.OF_LIBRARY} == set(parameters)
    for option in options.OF_LIBRARY:
        if option is not options.THREADS:
            assert option.default == parameters[option.parameter].default, option.parameter
    assert tuple(kmq.PALETTES) == options.PALETTES
