"""The options of the encoder: one definition, which every function that takes them shares."""

import dataclasses
import inspect
import io

import numpy as np
import pytest

import kmq
from kmq._encode.options import ClusterOptions, Options, Request, TileOptions

PICTURE = np.zeros((2, 2), np.uint8)

kmq_dask = pytest.importorskip("kmq.dask")

SIGNATURE = {
    name: parameter for name, parameter in inspect.signature(kmq.encode).parameters.items() if name != "image"
}


def test_the_signature_of_encode_and_a_request_have_the_same_options_types_and_defaults():
    asked = {field.name: field for field in dataclasses.fields(Request) if field.init}
    assert list(asked) == list(SIGNATURE)
    assert {name: field.type for name, field in asked.items()} == {
        name: parameter.annotation for name, parameter in SIGNATURE.items()
    }
    assert {name: field.default for name, field in asked.items()} == {
        name: parameter.default for name, parameter in SIGNATURE.items()
    }


def test_the_options_are_those_of_the_signature_and_of_the_same_types():
    types = {name: kind.__forward_arg__ for name, kind in Options.__annotations__.items()}
    assert {"k": SIGNATURE["k"].annotation, **types} == {
        name: parameter.annotation for name, parameter in SIGNATURE.items()
    }


def test_what_can_be_asked_of_tiles_can_be_asked_of_a_whole_picture():
    names = [set(kind.__annotations__) for kind in (ClusterOptions, TileOptions, Options)]
    assert names[1] - names[0] == {"threads"}
    assert names[2] - names[1] == {"psnr", "max_bytes", "bpp", "dither", "strength", "keep"}


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (kmq.encode, (PICTURE,)),
        (kmq.save, (io.BytesIO(), PICTURE)),
        (kmq.encode_tiles, (PICTURE, io.BytesIO())),
        (kmq_dask.encode, (PICTURE, io.BytesIO())),
    ],
)
def test_an_unknown_option_is_named(function, arguments):
    with pytest.raises(TypeError, match=rf"{function.__name__}\(\) got an unexpected .* 'colours'"):
        function(*arguments, colours=3)


@pytest.mark.parametrize("option", ["psnr", "max_bytes", "bpp", "dither", "strength", "keep"])
@pytest.mark.parametrize("function", [kmq.encode_tiles, kmq_dask.encode])
def test_an_option_for_whole_pictures_is_none_of_tiles(function, option):
    with pytest.raises(TypeError, match=rf"{function.__name__}\(\) got an unexpected .* '{option}'"):
        function(PICTURE, io.BytesIO(), **{option: 1})


def test_the_metadata_to_keep_can_be_named_by_an_iterator():
    assert Request(keep=iter(["icc", "xmp"])).keep == ("icc", "xmp")
