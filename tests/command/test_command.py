"""The kmq command as a user runs it: real processes, files, pipes and exit codes."""

import io
import json
import os
import re
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image
from test_image import profile_of_gamma

import kmq
import writing
from commands import run, run_started

PICTURE = np.random.default_rng(0).integers(0, 6, (30, 40, 3), np.uint8) * 50


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PICTURE).save("picture.png")
    return tmp_path


def test_encode_and_decode_by_name(folder):
    done = run("encode", "picture.png", "-k", 16, check=0)
    assert (folder / "picture.kmq").read_bytes() == kmq.encode(PICTURE, 16)
    assert "picture.kmq" in done.stdout.decode()
    run("decode", "picture.kmq", "-o", "again.png", check=0)
    with Image.open("again.png") as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image.convert("RGB")), kmq.decode(kmq.encode(PICTURE, 16)))


def test_pipes_carry_only_the_file(folder):
    data = (folder / "picture.png").read_bytes()
    encoded = run("encode", "-", "-k", 9, stdin=data, check=0)
    assert encoded.stdout == kmq.encode(PICTURE, 9)
    assert encoded.stderr == b""
    decoded = run("decode", "-", stdin=encoded.stdout, check=0)
    with Image.open(io.BytesIO(decoded.stdout)) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), kmq.decode(encoded.stdout))
    info = run("info", "-", "--json", stdin=encoded.stdout, check=0)
    assert json.loads(info.stdout)["total_bytes"] == len(encoded.stdout)


def test_info_tells_what_inspect_does(folder):
    run("encode", "picture.png", "-q", "-k", 16, check=0)
    ledger = kmq.inspect((folder / "picture.kmq").read_bytes(), PICTURE)
    told = json.loads(run("info", "picture.kmq", "--json", "--original", "picture.png", check=0).stdout)
    for name, value in told.items():
        if name.endswith("_bits"):
            assert value == 8 * told[name.replace("_bits", "_bytes")]
        else:
            assert value == getattr(ledger, name)
    text = run("info", "picture.kmq", "--original", "picture.png", check=0).stdout.decode()
    assert f"PSNR {ledger.psnr:.2f} dB" in text
    assert f"{ledger.total_bytes:,}" in text


def test_json_has_no_infinity(folder):
    run("encode", "picture.png", "-q", "-k", 65536, check=0)
    told = json.loads(run("info", "picture.kmq", "--json", "--original", "picture.png").stdout)
    assert told["squared_error"] == 0
    assert told["psnr"] is None


@pytest.mark.parametrize(
    ("flags", "options"),
    [
        (["-k", "auto"], {"k": "auto"}),
        (["--psnr=20"], {"psnr": 20}),
        (["--max-bytes=700"], {"max_bytes": 700}),
        (["--bpp=3.5"], {"bpp": 3.5}),
        (["-k9", "--bpp=7"], {"k": 9, "bpp": 7}),
        (["--palette=pico-8", "--dither=ordered", "--strength=0.5"],
         {"palette": "pico-8", "dither": "ordered", "strength": 0.5}),
        (["-k9", "--space=srgb", "--effort=thorough", "--dither=floyd-steinberg"],
         {"k": 9, "space": "srgb", "effort": "thorough", "dither": "floyd-steinberg"}),
        (["-k9", "--coding=context", "--effort=fast", "--keep-palette-order"],
         {"k": 9, "coding": "context", "effort": "fast", "keep_palette_order": True}),
    ],
)  # fmt: skip
def test_palettes_and_targets_reach_the_encoder(folder, flags, options):
    run("encode", "picture.png", "-o", "x.kmq", *flags, check=0)
    assert (folder / "x.kmq").read_bytes() == kmq.encode(PICTURE, **options)


def test_a_target_that_cannot_be_met_is_exit_code_3(folder):
    done = run("encode", "picture.png", "--max-bytes=5", check=3)
    assert done.stderr.decode().startswith("kmq: picture.png: max_bytes 5: even one colour takes ")
    assert done.stderr.count(b"\n") == 1
    assert not (folder / "picture.kmq").exists()
    run("encode", "picture.png", "-k4", "--psnr=90", check=3)


def test_what_dithering_costs_is_shown(folder):
    plain = run("encode", "picture.png", "-k4", "-o", "plain.kmq", check=0).stdout.decode()
    flags = ["-k4", "--dither=floyd-steinberg", "--coding=packed"]
    done = run("encode", "picture.png", *flags, check=0).stdout.decode()
    assert "dithering" not in plain
    (line,) = (line for line in done.splitlines() if line.startswith("dithering"))
    dithered = kmq.KmqFile((folder / "picture.kmq").read_bytes())
    undithered = kmq.map_indices(PICTURE, dithered.palette)
    sizes = [len(zlib.compress(plane.indices.tobytes())) for plane in (dithered.indices(), undithered)]
    assert (
        f"0 bytes more here; deflated, its indices take {sizes[0]:,} bytes, undithered {sizes[1]:,}" in line
    )


@pytest.mark.parametrize("coding", ["zstd", "context", "auto"])
def test_where_bytes_are_coded_the_cost_of_dithering_is_in_bytes(folder, coding):
    china = load_sample_image("china.jpg")[:100, :100]
    Image.fromarray(china).save("china.png")
    done = run("encode", "china.png", "-k8", "--dither=floyd-steinberg", f"--coding={coding}", check=0)
    (line,) = (line for line in done.stdout.decode().splitlines() if line.startswith("dithering"))
    data = (folder / "china.kmq").read_bytes()
    plain = kmq.encode(china, palette=kmq.KmqFile(data).palette, coding=coding)
    dithered, undithered = (len(file) - kmq.inspect(file).palette_bytes for file in (data, plain))
    assert line == f"dithering      {dithered - undithered:,} bytes more here"
    assert dithered > undithered


def test_the_cost_of_dithering_leaves_metadata_out(folder):
    exif = Image.Exif()
    exif[0x010E] = "a title that takes some bytes"
    Image.fromarray(PICTURE).save("with.png", exif=exif)
    flags = ["-k4", "--dither=ordered", "--keep=exif", "--coding=packed"]
    done = run("encode", "with.png", *flags, check=0).stdout.decode()
    assert "0 bytes more here" in next(line for line in done.splitlines() if line.startswith("dithering"))


def test_a_palette_for_a_transparent_picture_is_told(folder):
    image = np.dstack([PICTURE, np.full(PICTURE.shape[:2], 255, np.uint8)])
    image[:9, :9, 3] = 0
    Image.fromarray(image).save("clear.png")
    done = run("encode", "clear.png", "--palette=game-boy", check=0)
    assert b"note: a transparent entry was added to the palette" in done.stderr
    assert b"note" not in run("encode", "picture.png", "--palette=game-boy", check=0).stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-k", "0"], "'0' is neither a number from 1 to 65,536 nor"),
        (["-k", "many"], "'many' is neither"),
        (["-k", "9" * 5000], "is neither"),
        (["-k", "٣"], "is neither"),
        (["-k3", "--palette=pico-8"], "leave -k out"),
        (["--psnr=30", "--palette=pico-8"], "leave --psnr out"),
        (["-kauto", "--bpp=3"], "leave one out"),
        (["--palette=pico8"], "black-and-white, game-boy, pico-8"),
        (["--psnr=nan"], "--psnr"),
        (["--bpp=inf"], "--bpp"),
        (["--strength=2"], "--strength"),
        (["--space=lab"], "oklab"),
        (["--effort=most"], "thorough"),
        (["--dither=blue"], "floyd-steinberg"),
    ],
)
def test_options_that_cannot_be_are_wrong_usage(folder, flags, message):
    done = run("encode", "picture.png", *flags, check=2, env=os.environ | {"COLUMNS": "200"})
    assert message in done.stderr.decode()


def test_a_palette_file_that_is_none_is_named(folder):
    (folder / "broken.gpl").write_text("GIMP Palette\nred\n")
    done = run("encode", "picture.png", "--palette=broken.gpl", check=1)
    assert (
        done.stderr
        == b"kmq: --palette: broken.gpl: line 2 is 'red'; it must be three numbers from 0 to 255\n"
    )
    done = run("encode", "picture.png", "--palette=missing.hex", check=1)
    assert done.stderr == b"kmq: missing.hex: No such file or directory\n"


def test_options_reach_the_encoder(folder):
    options = {"k": 5, "tile": 16, "n_init": 2, "max_iter": 3, "tol": 0.1, "random_state": 7}
    flags = ["-k5", "--tile=16", "--n-init=2", "--max-iter=3", "--tol=0.1", "--random-state=7"]
    for coding in ("packed", "zstd", "context"):
        run("encode", "picture.png", f"--coding={coding}", "-fo", "x.kmq", *flags, "--threads=2", check=0)
        assert (folder / "x.kmq").read_bytes() == kmq.encode(PICTURE, coding=coding, **options)
    run("decode", "x.kmq", "-o", "x.png", "--threads=2", check=0)
    for flag, tile in [("auto", "auto"), ("none", None)]:
        run("encode", "picture.png", "-fo", "x.kmq", f"--tile={flag}", check=0)
        assert (folder / "x.kmq").read_bytes() == kmq.encode(PICTURE, tile=tile)


def test_packing_and_the_source_are_shown_beside_what_was_written(folder):
    stripes = np.indices((90, 100)).sum(axis=0).astype(np.uint8) // 30
    Image.fromarray(stripes).save("stripes.png")
    shown = run("encode", "stripes.png", check=0).stdout.decode()
    packed = len(kmq.encode(stripes, coding="packed"))
    source = (folder / "stripes.png").stat().st_size
    ledger = kmq.inspect((folder / "stripes.kmq").read_bytes())
    assert ledger.total_bytes < packed
    rows = {line[:17].strip(): line.split() for line in shown.splitlines()}
    assert rows["if it were packed"][-4:-2] == [f"{8 * packed:,}", f"{packed:,}"]
    assert rows["source file"][-4:-2] == [f"{8 * source:,}", f"{source:,}"]
    assert f"index payload, {8 * ledger.index_bytes / 9000:.3f} bits a pixel" in shown
    alone = run("info", "stripes.kmq", check=0).stdout.decode()
    assert "if it were packed" in alone
    assert "source file" not in alone
    assert "source file" in run("info", "stripes.kmq", "--original", "stripes.png", check=0).stdout.decode()
    run("encode", "stripes.png", "-f", "--coding=packed", check=0)
    assert b"if it were packed" not in run("info", "stripes.kmq", check=0).stdout


def test_kept_metadata_comes_back(folder):
    exif = Image.Exif()
    exif[0x010E] = "a title"
    Image.fromarray(PICTURE).save("with.jpg", exif=exif)
    run("encode", "with.jpg", "--keep=exif", "-q", check=0)
    run("decode", "with.kmq", "-o", "with.png", check=0)
    with Image.open("with.png") as image:
        assert image.getexif()[0x010E] == "a title"


@pytest.mark.parametrize("suffix", [".gif", ".bmp", ".tiff", ".webp", ".jpg", ".ppm", ".tga"])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("k", [16, 300])
def test_decode_writes_what_pillow_writes(folder, suffix, channels, k):
    picture = np.arange(400 * channels, dtype=np.int64).reshape(20, 20, channels) * 7 % 256
    picture = picture.astype(np.uint8)
    if channels == 4:
        picture[:, :, 3] = 255
        picture[0, 0] = 0
    kmq.save("x.kmq", picture, k)
    done = run("decode", "x.kmq", "-o", f"x{suffix}")
    if channels == 4 and suffix == ".jpg":
        assert done.returncode == 1
        assert b"kmq: x.jpg: JPEG can't hold this picture (cannot write mode RGBA" in done.stderr
        assert not (folder / "x.jpg").exists()
        return
    assert done.returncode == 0
    with Image.open(f"x{suffix}") as image:
        assert image.size == (20, 20)
        shown = Image.fromarray(kmq.decode((folder / "x.kmq").read_bytes()))
        exact = np.array_equal(np.asarray(image.convert("RGBA")), np.asarray(shown.convert("RGBA")))
        assert exact == (b"note: " not in done.stderr)
        lossy = (
            suffix == ".jpg"
            or (suffix == ".gif" and k > 256)
            or (suffix in (".ppm", ".bmp") and channels == 4)
        )
        assert exact or lossy


@pytest.mark.parametrize("k", [1, 2, 4, 16, 200, 256])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_is_indexed_and_exact_up_to_256_colours(folder, k, channels):
    picture = np.random.default_rng(k).integers(0, 256, (k, channels), np.uint8)[
        np.arange(600).reshape(20, 30) % k
    ]
    data = kmq.encode(picture, k)
    done = run("decode", "-", stdin=data, check=0)
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert image.mode == "P"
        expected = np.asarray(Image.fromarray(kmq.decode(data)).convert("RGBA"))
        assert np.array_equal(np.asarray(image.convert("RGBA")), expected)


@pytest.mark.dev_full
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "missing.png"], "kmq: missing.png: No such file or directory"),
        (["decode", "missing.kmq"], "kmq: missing.kmq: No such file or directory"),
        (["info", "missing.kmq"], "kmq: missing.kmq: No such file or directory"),
        (["encode", "."], "kmq: .: Is a directory"),
        (["encode", "text"], "kmq: text: not a picture in a format that Pillow reads"),
        (["decode", "text"], "kmq: text: Magic at offset 0 is 6E 6F 20"),
        (["decode", "empty"], "kmq: empty: Magic at offset 0 takes 3 bytes; 0 are left"),
        (["encode", "empty"], "kmq: empty: not a picture"),
        (["encode", "cut.png"], "kmq: cut.png: Pillow can't read it: "),
        (
            ["encode", "picture.png", "-o", "text"],
            "kmq: text: exists; give another name, or --force overwrites it",
        ),
        (["encode", "picture.png", "-o", "no/where.kmq"], "kmq: no: no such folder"),
        (["encode", "picture.png", "-o", "nowhere/"], "kmq: nowhere/: no such folder"),
        (["decode", "picture.png"], "kmq: picture.png: Magic at offset 0 is 89 50 4E"),
        (["encode", "picture.png", "-o", "/dev/full"], "kmq: /dev/full: No space left on device"),
        (["encode", "picture.png", "-o", "."], "kmq: .: is a folder"),
        (
            ["encode", "picture.png", "--max-pixels", "100"],
            "kmq: picture.png: the picture has more than 100 pixels",
        ),
        (["decode", "good.kmq", "--max-pixels", "100", "-o", "n.png"], "max_pixels allows 100"),
        (["info", "good.kmq", "--max-pixels", "100"], "max_pixels allows 100; --max-pixels can allow more"),
        (["info", "good.kmq", "--original", "text"], "kmq: text: not a picture"),
    ],
)
def test_an_error_is_one_line_with_the_name(folder, arguments, message):
    (folder / "text").write_text("no picture")
    (folder / "empty").touch()
    (folder / "cut.png").write_bytes((folder / "picture.png").read_bytes()[:500])
    kmq.save("good.kmq", PICTURE)
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    done = run(*arguments, check=1)
    assert done.stdout == b""
    assert done.stderr.decode().startswith(message) or message in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1
    assert {name: (folder / name).read_bytes() for name in os.listdir(folder)} == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"], ["encode"], ["encode", "picture.png", "-k", "0"], ["encode", "picture.png", "-k", "x"],
        ["encode", "picture.png", "-k", "65537"], ["encode", "picture.png", "--tile", "24"],
        ["encode", "picture.png", "--tile", "8"], ["encode", "picture.png", "--tile", "some"],
        ["encode", "picture.png", "--coding", "zip"], ["encode", "picture.png", "--keep", "all"],
        ["encode", "picture.png", "-o", "x.png"], ["encode", ""], ["encode", "picture.png", "-o", ""],
        ["encode", "picture.png", "--tol", "nan"], ["encode", "picture.png", "-o", "picture.png", "-f"],
        ["encode", "picture.png", "--max-bytes", 2**62 + 1], ["encode", "picture.png", "--n-init", 2**31],
        ["encode", "picture.png", "--max-iter", 2**31], ["info", "good.kmq", "--max-pixels", 2**62 + 1],
        ["decode", "good.kmq", "-o", "x.nothing"], ["decode", "good.kmq", "-o", "nosuffix"],
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_2(folder, arguments):
    kmq.save("good.kmq", PICTURE)
    done = run(*arguments, check=2)
    assert done.stdout == b""
    assert done.stderr


@pytest.mark.parametrize("k", [5, 216, 300])
def test_a_kmq_file_is_a_source_too(folder, k):
    picture = np.arange(600, dtype=np.int64).reshape(20, 30)[:, :, np.newaxis] * [1, 7, 3] % 256
    kmq.save("x.kmq", picture.astype(np.uint8), k, coding="packed")
    decoded = kmq.decode((folder / "x.kmq").read_bytes())
    run("encode", "x.kmq", "-o", "y.KMQ", "-k", k, check=0)
    assert np.array_equal(kmq.decode((folder / "y.KMQ").read_bytes()), decoded)
    assert (folder / "y.KMQ").stat().st_size < (folder / "x.kmq").stat().st_size
    shown = run("info", "x.kmq", "--original", "y.KMQ", check=0).stdout.decode()
    assert "every pixel is exact" in shown
    wide = {"env": {"COLUMNS": "200"}, "check": 2}
    assert "input and output are the same file, x.kmq" in run("encode", "x.kmq", **wide).stderr.decode()
    assert (
        "to make a .kmq file of a .kmq file, use kmq encode"
        in run("decode", "x.kmq", "-o", "z.kmq", **wide).stderr.decode()
    )


def test_a_damaged_kmq_file_as_a_source_names_the_field(folder):
    data = kmq.encode(PICTURE)
    run("encode", "-", "-o", "x.kmq", "--max-pixels=100", stdin=data, check=1)
    for part, field in ((data[:20], b"Palette at offset"), (data[:-1], b"Tile_CRC at offset")):
        done = run("encode", "-", "-o", "x.kmq", stdin=part, check=1)
        assert done.stderr.startswith(b"kmq: -: " + field)
        assert done.stderr.count(b"\n") == 1
    assert not (folder / "x.kmq").exists()


@pytest.mark.parametrize("suffix", [".bmp", ".tiff", ".gif", ".tga", ".pcx"])
@pytest.mark.parametrize("entries", [[[0], [255]], [[255], [0]], [[7], [9]], [[255, 0, 0], [0, 0, 0]]])
def test_two_colours_survive_every_indexed_format(folder, suffix, entries):
    palette = kmq.Palette(entries)
    image = Image.fromarray(np.indices((9, 13)).sum(axis=0).astype(np.uint8) % 2)
    image.putpalette([value for entry in entries for value in (entry * 3)[:3]])
    data = kmq.encode(image)
    done = run("decode", "-", "-o", f"x{suffix}", stdin=data, check=0)
    assert done.stderr == b""
    with Image.open(f"x{suffix}") as again:
        expected = np.asarray(Image.fromarray(kmq.decode(data)).convert("RGB"))
        assert np.array_equal(np.asarray(again.convert("RGB")), expected)
    assert kmq.KmqFile(data).palette == palette


def test_profiles_come_back_and_exif_does_in_jpeg_too(folder):
    image = Image.fromarray(PICTURE)
    exif = Image.Exif()
    exif[0x010E] = "a title"
    image.save("rgb.png", icc_profile=profile_of_gamma(1), exif=exif)
    Image.linear_gradient("L").save("grey.png", icc_profile=profile_of_gamma(1, "GRAY"))
    for name in ("rgb", "grey"):
        run("encode", f"{name}.png", "--keep", "icc,exif", "-q", check=0)
        assert run("decode", f"{name}.kmq", "-o", f"{name}-2.png", check=0).stderr == b""
        with Image.open(f"{name}.png") as before, Image.open(f"{name}-2.png") as after:
            assert after.info["icc_profile"] == before.info["icc_profile"]
            assert np.array_equal(np.asarray(after.convert("RGB")), np.asarray(before.convert("RGB")))
            assert (after.mode == "L") == (name == "grey")
    run("decode", "rgb.kmq", "-o", "rgb.jpg", check=0)
    with Image.open("rgb.jpg") as image:
        assert image.getexif()[0x010E] == "a title"
    assert b"colour profile is lost" in run("decode", "rgb.kmq", "-o", "rgb.tga", check=0).stderr


def test_what_is_broken_but_readable_is_told_in_a_note(folder):
    Image.fromarray(PICTURE).save("odd.png", icc_profile=b"no profile at all")
    done = run("encode", "odd.png", "-q", check=0)
    assert done.stderr.startswith(b"kmq: odd.png: note: ignored the ICC profile")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "hostile",
    ["49492a0008000000080000010400010000001000000001010400010000001000000003010300", "00000100010010100000"],
)
def test_whatever_a_reader_of_pillow_raises_is_one_line(folder, hostile):
    (folder / "hostile").write_bytes(bytes.fromhex(hostile))
    done = run("encode", "hostile", "-o", "x.kmq", check=1)
    *notes, problem = done.stderr.decode().splitlines()
    assert all(note.startswith("kmq: hostile: note: ") for note in notes)
    assert problem.startswith("kmq: hostile: ")
    assert "note" not in problem


@pytest.mark.parametrize("kind", ["GIF", "TIFF"])
def test_damage_in_later_frames_is_no_harm_to_the_first(forked, folder, kind):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue", "lime")]
    whole = io.BytesIO()
    frames[0].save(whole, kind, save_all=True, append_images=frames[1:])
    data = whole.getvalue()
    codes = set()
    for size in range(len(data) // 3, len(data), max(1, len(data) // 40)):
        (folder / "cut").write_bytes(data[:size])
        (done,) = forked({"arguments": ["encode", "cut", "-o", "x.kmq", "-f", "-q"], "folder": str(folder)})
        assert done["err"].count("\n") <= 3
        codes.add(done["code"])
    assert 0 in codes
    assert codes <= {0, 1}


def test_a_picture_larger_than_pillow_likes_is_decoded_if_asked_for(folder):
    data = writing.build(
        flags=0,
        width=writing.uleb(14_999),
        height=writing.uleb(11_999),
        entries=b"\0",
        palette=b"\x07",
        payloads=[b""],
    )
    (folder / "huge.kmq").write_bytes(data)
    run("decode", "huge.kmq", check=1)
    assert run("decode", "huge.kmq", "--max-pixels", 200_000_000, check=0).stderr == b""


def test_what_a_format_cannot_hold_or_show_is_told(folder):
    exif = Image.Exif()
    exif[0x010E] = "a title"
    Image.fromarray(PICTURE).save("with.jpg", exif=exif, xmp=b"<x/>")
    run("encode", "with.jpg", "--keep=exif,xmp", "-q", check=0)
    said = run("decode", "with.kmq", "-o", "with.bmp", check=0).stderr.decode()
    assert "note: the Exif metadata is lost" in said
    assert "note: the XMP metadata is lost" in said
    assert b"wasn't compared" in run("decode", "with.kmq", "-o", "with.pdf", check=0).stderr


@pytest.mark.posix
def test_a_name_that_cannot_be_printed_is_no_reason_to_fail(folder):
    name = os.fsdecode(b"z\xff.png")
    (folder / name).write_bytes((folder / "picture.png").read_bytes())
    for encoding in ("utf-8:strict", "ascii:strict"):
        done = run_started(["encode", name, "-f"], env=os.environ | {"PYTHONIOENCODING": encoding})
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr


def test_commands_of_the_tests_have_the_environment_of_the_test(folder, monkeypatch):
    widest = []
    for columns in (60, 100):
        monkeypatch.setenv("COLUMNS", str(columns))
        widest.append(max(map(len, run("encode", "--help", check=0).stdout.decode().splitlines())))
    assert widest[0] <= 60 < widest[1] <= 100


def test_a_demo_into_a_file_is_told_plainly(folder):
    done = run("demo", "picture.png", "--force", check=1)
    assert done.stderr == b"kmq: picture.png: is a file; name a folder\n"


@pytest.mark.parametrize("suffix", [".gif", ".tga", ".pcx", ".sgi"])
def test_a_picture_too_wide_for_a_format_is_one_line(folder, suffix):
    kmq.save("wide.kmq", np.zeros((1, 70_000), np.uint8))
    done = run("decode", "wide.kmq", "-o", f"x{suffix}", check=1)
    assert done.stderr.startswith(f"kmq: x{suffix}: ".encode())
    assert done.stderr.count(b"\n") == 1


def test_names_cannot_write_to_the_terminal(folder):
    done = run("info", "\x1b[31mred\n.kmq", check=1)
    assert b"\x1b" not in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_the_source_is_compared_honestly(folder):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save("noise.png")
    Image.new("RGB", (500, 500), "red").save("flat.png")
    flat, noise = (
        run("encode", name, "-k", k, check=0).stdout.decode().splitlines()[0]
        for name, k in (("flat.png", 1), ("noise.png", 16))
    )
    assert flat.endswith("% of it")
    assert noise.endswith("% of it")
    kmq.save("many.kmq", np.indices((500, 500)).sum(axis=0).astype(np.uint8))
    run("decode", "many.kmq", check=0)
    many = run("encode", "many.png", "-f", "--coding=packed", check=0).stdout.decode().splitlines()[0]
    before, after = (folder / "many.png").stat().st_size, (folder / "many.kmq").stat().st_size
    assert many.endswith(f"{after / before:.2f} times as many")


@pytest.mark.posix
def test_a_terminal_is_not_sent_a_file(folder):
    master, terminal = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "kmq_cli", "encode", "picture.png", "-o", "-"],
        stdout=terminal,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(terminal)
    os.close(master)
    assert done.returncode == 2
    assert b"a terminal can't show a file" in done.stderr


def test_force_overwrites_and_nothing_else_does(folder):
    (folder / "picture.kmq").write_bytes(b"mine")
    run("encode", "picture.png", check=1)
    assert (folder / "picture.kmq").read_bytes() == b"mine"
    run("encode", "picture.png", "--force", check=0)
    assert (folder / "picture.kmq").read_bytes() == kmq.encode(PICTURE)


def test_the_ledger_goes_where_the_file_does_not(folder):
    assert run("encode", "picture.png", "-q", check=0).stdout == b""
    assert b"index payload" in run("encode", "picture.png", "-f", check=0).stdout
    done = run("encode", "picture.png", "-o", "-", "--json", check=0)
    assert done.stdout == kmq.encode(PICTURE)
    assert json.loads(done.stderr)["total_bytes"] == len(done.stdout)


def test_of_several_frames_the_first_is_taken_with_a_note(folder):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save("two.gif", save_all=True, append_images=frames[1:])
    done = run("encode", "two.gif", check=0)
    assert done.stderr.decode() == "kmq: two.gif: note: has 2 frames; the first was encoded\n"


def test_there_is_no_colour_in_a_pipe(folder):
    for arguments in (["--help"], ["encode", "--help"], ["encode", "picture.png"], ["encode"]):
        done = run(*arguments)
        assert b"\x1b" not in done.stdout + done.stderr


def test_scikit_learn_is_loaded_only_to_cluster_and_zstandard_only_to_code(folder):
    program = (
        "import sys, kmq, numpy\n"
        "print([name for name in sys.modules if 'zstd' in name and 'kmq' not in name])\n"
        "data = kmq.encode(numpy.zeros((4, 4, 3), numpy.uint8)); kmq.decode(data); kmq.inspect(data)\n"
        "import kmq_cli.app, kmq_cli.encode.one, kmq_cli.encode.many\n"
        "import kmq_cli.decode.files, kmq_cli.pictures.export\n"
        "print('sklearn' in sys.modules, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"[]", b"False", b"False"]


def test_the_demo_writes_three_files_and_can_be_run_again(folder):
    first = run("demo", "out", check=0)
    assert sorted(os.listdir("out")) == ["china.kmq", "china.png", "swatches.png"]
    data = (folder / "out" / "china.kmq").read_bytes()
    assert len(data) <= 136_640 + 48 + 20
    with Image.open("out/swatches.png") as sheet:
        assert np.array_equal(np.asarray(sheet)[16:443, 16:656], load_sample_image("china.jpg"))
        assert np.array_equal(np.asarray(sheet)[16:443, 672:1312], kmq.decode(data))
        for red, green, blue in kmq.KmqFile(data).palette.entries.tolist():
            assert (np.asarray(sheet)[484:547] == [red, green, blue]).all(axis=2).sum() > 2000
    with Image.open("out/china.png") as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), kmq.decode(data))
    assert "136,640" in first.stdout.decode()
    for coding in ("zstd", "context"):
        size = len(kmq.encode(load_sample_image("china.jpg"), 16, coding=coding))
        assert f"as {coding:12}{size:,} bytes in all" in first.stdout.decode()
    assert run("demo", "out", check=0).stdout == first.stdout
    run("demo", "out", "-k", 3, check=1)
    assert (folder / "out" / "china.kmq").read_bytes() == data


def test_help_and_version_answer(folder):
    assert b"encode" in run("--help", check=0).stdout
    assert b"Examples" in run("encode", "--help", check=0).stdout
    for command in ("encode", "decode", "info", "verify", "palette", "compare", "demo"):
        text = run(command, "--help", check=0, env=os.environ | {"COLUMNS": "80"}).stdout.decode()
        assert max(map(len, text.splitlines())) <= 80
        assert not re.search(r"\d{12}|\.\.\.}|\[\[", text)  # limits that are none; what the tool marks itself
    assert run("--version", check=0).stdout.startswith(b"kmq ")
