"""What commands load: each what it uses, because that is most of the time that a small picture takes."""

import ast
import importlib
import inspect
import io
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, UnidentifiedImageError

import kmq
from kmq._picture.source.opening import COMMON, identified
from kmq_cli.pictures import formats
from samples import PICTURE, png

RUN = """
import sys
before = set(sys.modules)
import kmq_cli
sys.argv = ["kmq", *sys.argv[1:]]
try:
    kmq_cli.main()
except SystemExit as leave:
    assert not leave.code, leave.code
print("\\n".join(set(sys.modules) - before), file=sys.stderr)
"""

SELDOM = {
    "sklearn", "scipy", "threadpoolctl", "rich", "shellingham", "concurrent", "multiprocessing", "tempfile",
    "json", "subprocess", "secrets", "hashlib",
}  # fmt: skip
"""What no command loads for one small picture in a pipe."""


def loaded(*words):
    """Return what a command loads that Python itself hasn't, without what is below those modules."""
    done = subprocess.run([sys.executable, "-c", RUN, *words], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines())


def named(modules, *names):
    """Return which of `names` are among the modules, or have one below them."""
    return {name for name in names if any(each == name or each.startswith(f"{name}.") for each in modules)}


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["encode", "--help"]])
def test_help_and_version_load_neither_numpy_nor_pillow(words):
    modules = loaded(*words)
    assert named(modules, "numpy", "PIL", "kmq", *(SELDOM - {"json", "tempfile"})) == set()


def test_one_picture_loads_what_it_uses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PICTURE[:20, :20] & 0xC0).save("small.png")
    others = {"PIL.JpegImagePlugin", "PIL.GifImagePlugin", "PIL.TiffImagePlugin", "PIL.ImageCms"}
    encoding = loaded("encode", "small.png")
    assert named(encoding, *others, *SELDOM, "kmq.pillow", "kmq._encode.tiles") == set()
    decoding = loaded("decode", "small.kmq", "-o", "again.png")
    encoder = {"kmq._encode", "kmq._palette", "kmq._picture", "kmq._plane", "kmq._container.writing"}
    assert named(decoding, *others, *SELDOM, *encoder, "kmq.pillow") == set()
    assert named(loaded("info", "small.kmq"), *encoder, *SELDOM, "PIL.PngImagePlugin", "kmq.pillow") == set()


def test_a_coding_is_loaded_for_a_file_that_has_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    codings = {name: f"kmq._coding.{name}" for name in ("zstd", "context", "adaptive")}
    for name, module in codings.items():
        kmq.save(f"{name}.kmq", PICTURE[:16, :16], 4, coding=name)
        modules = loaded("decode", f"{name}.kmq")
        found = {each for each in codings.values() if named(modules, f"{each}.payload") or each in modules}
        assert found - {"kmq._coding.context", "kmq._coding.adaptive"} <= {module}


def test_a_public_name_is_where_the_type_checker_finds_it():
    tree = ast.parse(inspect.getsource(kmq))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    for node in checked.body:
        for name in node.names:
            found = getattr(kmq, name.asname or name.name)
            module = importlib.import_module(node.module)
            assert found is (kmq.pillow if name.name == "pillow" else getattr(module, name.name))
    names = {name.asname or name.name for node in checked.body for name in node.names}
    assert names == set(kmq.__all__) <= set(dir(kmq))
    with pytest.raises(AttributeError, match="module 'kmq' has no attribute 'encoed'"):
        _ = kmq.encoed


def test_pillow_knows_the_format_once_kmq_is_imported(tmp_path):
    kmq.save(tmp_path / "x.kmq", PICTURE, 4)
    program = (
        "import io, sys, kmq; from PIL import Image\n"
        "assert 'kmq.pillow' not in sys.modules\n"
        "with Image.open('x.kmq') as image: image.load(); out = io.BytesIO(); image.save(out, 'KMQ')\n"
        "assert type(image) is kmq.pillow.KmqImageFile is Image.OPEN['KMQ'][0]\n"
        "assert kmq.decode(out.getvalue()).shape == kmq.decode(open('x.kmq', 'rb').read()).shape\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)


def test_common_formats_are_those_of_pillow():
    Image.init()
    suffixes = Image.registered_extensions()
    for common in formats.COMMON:
        assert set(common.suffixes) == {suffix for suffix, name in suffixes.items() if name == common.name}
        assert common.name in Image.OPEN
        assert common.name in Image.SAVE
        plugin, beginnings = next(known[1:] for known in COMMON if known.name == common.name)
        assert Image.OPEN[common.name][0].__module__ == f"PIL.{plugin}"
        written = formats.written(Image.fromarray(PICTURE), common.name)
        assert written.startswith(beginnings)
        with Image.open(io.BytesIO(written)) as image:
            assert image.format == common.name


def test_every_suffix_of_pillow_is_read_and_written_as_before():
    readable = {suffix for suffix in Image.registered_extensions() if formats.is_readable(suffix)}
    assert {".png", ".jpg", ".kmq", ".ico", ".tga", ".webp", ".ppm"} <= readable
    assert readable.isdisjoint({".pdf", ".mpg", ".h5", ".wmf", ".txt", ""})
    writable = {suffix for suffix in Image.registered_extensions() if formats.is_writable(suffix)}
    assert {".png", ".jpg", ".pdf", ".ico", ".tga", ".webp", ".ppm"} <= writable
    assert writable.isdisjoint({".kmq", ".psd", ".mpg", ".txt", ""})


BEGINNINGS = st.sampled_from([beginning for common in COMMON for beginning in common.beginnings])


@given(BEGINNINGS, st.binary(max_size=60))
def test_what_only_begins_like_a_picture_is_what_pillow_says(beginning, rest):
    said = []
    for way in (lambda data: Image.open(io.BytesIO(data)), identified):
        try:
            with way(beginning + rest) as image:
                said.append((image.format, image.mode, image.size))
        except Exception as error:  # noqa: BLE001  each format's reader has its own ways to fail
            said.append((type(error), re.sub("0x[0-9a-f]+", "", str(error))))
    # What its own plugin says is kept where Pillow knows nothing better.
    assert said[0] == said[1] or said[0][0] is UnidentifiedImageError


def test_a_limit_on_pixels_holds_for_common_formats():
    data = png(np.zeros((10, 11), np.uint8))
    assert kmq.open_picture(data, max_pixels=110).image.size == (11, 10)
    with pytest.raises(kmq.LimitError, match="has more than 109 pixels"):
        kmq.open_picture(data, max_pixels=109)
