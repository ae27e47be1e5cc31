"""`kmq encode`: its options, its sources and what it says of the file."""

import io
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

import kmq
from commands import run
from samples import PICTURE


@pytest.fixture
def folder(folder):
    Image.fromarray(PICTURE).save("picture.png")
    return folder


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
        (["-k9", "--coding=context", "--effort=fast", "--reorder-palette"],
         {"k": 9, "coding": "context", "effort": "fast", "reorder_palette": True}),
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


@pytest.mark.parametrize("coding", ["zstd", "context", "adaptive", "auto"])
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
    for coding in ("packed", "zstd", "context", "adaptive"):
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


def test_one_file_goes_into_a_folder(folder):
    (folder / "out").mkdir()
    run("encode", "picture.png", "-qo", "out", check=0)
    run("encode", "picture.png", "-qo", "out/", "--keep-suffix", check=0)
    run("decode", "out/picture.png.kmq", "-o", "out", check=0)
    assert sorted(os.listdir("out")) == ["picture.kmq", "picture.png", "picture.png.kmq"]
    run("decode", "out/picture.kmq", "-o", "out", "--format", "gif", check=0)
    with Image.open("out/picture.gif") as image:
        assert image.format == "GIF"
    done = run("encode", "picture.png", "-o", "out", check=1)
    assert done.stderr == b"kmq: out/picture.kmq: exists; give another name, or --force overwrites it\n"


def test_a_damaged_kmq_file_as_a_source_names_the_field(folder):
    data = kmq.encode(PICTURE)
    run("encode", "-", "-o", "x.kmq", "--max-pixels=100", stdin=data, check=1)
    for part, field in (
        (data[:20], b"the file is truncated: Palette at offset"),
        (data[:-1], b"Tile_CRC at offset"),
    ):
        done = run("encode", "-", "-o", "x.kmq", stdin=part, check=1)
        assert done.stderr.startswith(b"kmq: standard input: " + field)
        assert done.stderr.count(b"\n") == 1
    assert not (folder / "x.kmq").exists()


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


def animation(name):
    """Write an animated GIF of three colours."""
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue", "lime")]
    frames[0].save(name, save_all=True, append_images=frames[1:])


def colour_of(name):
    (colour,) = {tuple(colour) for colour in kmq.decode(Path(name).read_bytes()).reshape(-1, 3).tolist()}
    return colour


def test_a_frame_can_be_chosen(folder):
    animation("a.gif")
    assert b"has 3 frames; the first was encoded" in run("encode", "a.gif", "-q", check=0).stderr
    assert colour_of("a.kmq") == (255, 0, 0)
    assert run("encode", "a.gif", "-qf", "--frame", 2, check=0).stderr == b""
    assert colour_of("a.kmq") == (0, 255, 0)
    said = b"kmq: a.gif: --frame 3: it has 3 frames, 0 to 2\n"
    assert run("encode", "a.gif", "-qf", "--frame", 3, check=1).stderr == said
    run("encode", "a.gif", "picture.png", "-qo", "out", "--frame", 1, "--jobs", 1, check=1)
    assert os.listdir("out") == ["a.kmq"]
    assert colour_of("out/a.kmq") == (0, 0, 255)


@pytest.mark.parametrize("flags", [["--jobs=1"], ["--jobs=1", "--shared-palette"]])
def test_every_frame_becomes_a_file(folder, flags):
    animation("a.gif")
    run("encode", "a.gif", "picture.png", "--no-skip-if-larger", "--frame=all", "-qo", "out", *flags, check=0)
    assert sorted(os.listdir("out")) == ["a-0.kmq", "a-1.kmq", "a-2.kmq", "picture.kmq"]
    assert [colour_of(f"out/a-{n}.kmq") for n in range(3)] == [(255, 0, 0), (0, 0, 255), (0, 255, 0)]
    done = run("encode", "a.gif", "--frame=all", "--no-skip-if-larger", check=0)
    assert lines_of(done) == ["a-0.kmq", "a-1.kmq", "a-2.kmq"]


def lines_of(done):
    """Return the names of the files that were written, from the lines that tell them."""
    told = done.stdout.decode().splitlines()[:-1]  # a.gif has 279 bytes, a-0.kmq 25: 9.0 % of it
    return sorted(line.split(", ")[1].split()[0] for line in told)


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
    said = "kmq: two.gif: note: has 2 frames; the first was encoded (--frame takes another, or all)\n"
    assert done.stderr.decode() == said
