"""`kmq compare` as a user runs it: real processes, and programs beside it that misbehave."""

import csv
import io
import json
import math
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import kmq
from commands import read_terminal, run
from compared import PHOTO, compared, only, peer
from kmq_cli.compare.quality import quality


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Return what is told of a photograph, without other programs."""
    folder = tmp_path_factory.mktemp("compare")
    Image.fromarray(PHOTO).save(folder / "photo.png")
    return compared(folder / "photo.png", "-k", "16,3,300,3")


def test_the_rows_are_what_encode_and_inspect_give(told):
    (picture,) = told["pictures"]
    assert (picture["width"], picture["height"], picture["channels"]) == (80, 60, 3)
    assert [row["k"] for row in picture["rows"]] == [3, 16, 300]
    for row in picture["rows"]:
        packed, context, default = (
            kmq.encode(PHOTO, row["k"], coding=coding) for coding in ("packed", "context", "auto")
        )
        ledger = kmq.inspect(default, PHOTO)
        sizes = [row[name] for name in ("packed_bytes", "context_bytes", "bytes")]
        assert sizes == [len(packed), len(context), len(default)]
        assert row["coding"] == ledger.coding
        assert row["bits_per_pixel"] == ledger.bits_per_pixel
        assert (row["mse"], row["psnr"]) == (ledger.squared_error, ledger.psnr)
        assert row["ssim"] == quality(PHOTO, kmq.decode(default)).ssim
        for part in ("header_bytes", "palette_bytes", "index_bytes", "checksum_bytes", "metadata_bytes"):
            assert row[part] == getattr(ledger, part)
        assert row["encode_seconds"] > 0
        assert row["decode_seconds"] > 0


def test_the_jpeg_is_the_one_of_the_nearest_size(told):
    jpegs = []
    for level in range(1, 101):
        out = io.BytesIO()
        Image.fromarray(PHOTO).save(out, "JPEG", quality=level, optimize=True)
        jpegs.append(out.getvalue())
    for row in told["pictures"][0]["rows"]:
        jpeg = peer(row, "JPEG")
        nearest = min(abs(len(data) - row["bytes"]) for data in jpegs)
        assert abs(jpeg["bytes"] - row["bytes"]) == nearest
        data = jpegs[int(jpeg["settings"].removeprefix("quality ")) - 1]
        assert jpeg["bytes"] == len(data)
        with Image.open(io.BytesIO(data)) as image:
            measured = quality(PHOTO, np.asarray(image))
        assert (jpeg["mse"], jpeg["psnr"], jpeg["ssim"]) == (
            measured.squared_error, measured.psnr, measured.ssim
        )  # fmt: skip


def test_png_8_is_of_the_same_indices_and_only_up_to_256(told):
    rows = told["pictures"][0]["rows"]
    assert [any(one["codec"] == "PNG-8" for one in row["peers"]) for row in rows] == [True, True, False]
    for row in rows[:2]:
        with kmq.KmqFile(kmq.encode(PHOTO, row["k"])) as file:
            image = Image.fromarray(file.indices().indices)
            image.putpalette(file.palette.entries.tobytes())
        out = io.BytesIO()
        image.save(out, "PNG", optimize=True)
        png = peer(row, "PNG-8")
        assert png["bytes"] == len(out.getvalue())
        assert (png["mse"], png["ssim"]) == (row["mse"], row["ssim"])


def test_the_whole_picture_is_stored_without_loss(told):
    sizes = {one["codec"]: one["bytes"] for one in told["pictures"][0]["lossless"]}
    for codec, kind, options in (
        ("PNG-24", "PNG", {"optimize": True}),
        ("WebP", "WEBP", {"lossless": True, "exact": True, "quality": 100, "method": 4}),
    ):
        out = io.BytesIO()
        Image.fromarray(PHOTO).save(out, kind, **options)
        assert sizes.pop(codec) == len(out.getvalue())
    assert not sizes


def test_programs_that_are_not_there_are_listed(folder, told):
    assert told["not_found"] == ["oxipng", "cwebp", "cjxl", "djxl", "pngquant"]
    assert [codec["codec"] for codec in told["codecs"]] == ["PNG-24", "PNG-8", "WebP", "JPEG"]
    done = run("compare", "photo.png", "-k3", check=0, env=only())
    assert done.stdout.decode().splitlines()[-1] == "not found      oxipng, cwebp, cjxl, djxl, pngquant"


def test_the_table_has_every_row(folder, told):
    shown = run("compare", "photo.png", "-k3,16,300", check=0, env=only()).stdout.decode()
    lines = [line.split() for line in shown.splitlines()]
    assert shown.startswith("photo.png  80 x 60 pixels, RGB, ")
    for row in told["pictures"][0]["rows"]:
        own, same, lossy = (line for line in lines if line and line[0] == str(row["k"]))
        size = f"{row['bytes']:,}"
        sizes = [f"{row['packed_bytes']:,}", f"{row['context_bytes']:,}", size, row["coding"]]
        found = [f"{row['mse']:,.2f}", f"{row['psnr']:.2f}", f"{row['ssim']:.4f}"]
        assert own[1:9] == [*sizes, f"{row['bits_per_pixel']:.3f}", *found]
        png = f"{peer(row, 'PNG-8')['bytes']:,}" if row["k"] <= 256 else "-"
        assert same[1:] == [size, png]
        jpeg = peer(row, "JPEG")
        assert lossy[1:] == [
            size, *found[1:], jpeg["settings"].split()[1], f"{jpeg['bytes']:,}", f"{jpeg['psnr']:.2f}",
            f"{jpeg['ssim']:.4f}",
        ]  # fmt: skip


def test_csv_has_a_line_for_each_codec_and_number_of_colours(folder, told):
    shutil.copy("photo.png", 'a "photo", with commas.png')
    done = run(
        "compare", "photo.png", 'a "photo", with commas.png', "-k16,3,300", "--csv",
        check=0, env=only(),
    )  # fmt: skip
    lines = list(csv.DictReader(io.StringIO(done.stdout.decode(), newline="")))
    (picture,) = told["pictures"]
    expected = [("", one["codec"], one["bytes"]) for one in picture["lossless"]]
    for row in picture["rows"]:
        k = str(row["k"])
        expected.append((k, "kmq", row["bytes"]))
        expected += [(k, "kmq packed", row["packed_bytes"]), (k, "kmq context", row["context_bytes"])]
        expected += [(k, one["codec"], one["bytes"]) for one in row["peers"]]
    for name in ("photo.png", 'a "photo", with commas.png'):
        found = [line for line in lines if line["picture"] == name]
        assert [(line["k"], line["codec"], int(line["bytes"])) for line in found] == expected
        own = [line for line in found if line["codec"] == "kmq"]
        assert [line["settings"] for line in own] == [row["coding"] for row in picture["rows"]]
        assert [float(line["ssim"]) for line in own] == [row["ssim"] for row in picture["rows"]]
    assert {line["picture"] for line in lines} == {"photo.png", 'a "photo", with commas.png'}


@pytest.mark.parametrize("kind", ["grey", "alpha", "tiny", "few", "indexed"])
def test_every_kind_of_picture_is_compared(folder, kind):
    picture = {
        "grey": Image.fromarray(PHOTO).convert("L"),
        "alpha": Image.merge(
            "RGBA", [*Image.fromarray(PHOTO).split(), Image.linear_gradient("L").resize((80, 60))]
        ),
        "tiny": Image.fromarray(PHOTO[:5, :4]),
        "few": Image.fromarray(PHOTO // 128 * 100),
        "indexed": Image.fromarray(PHOTO).quantize(40),
    }[kind]
    picture.save("x.png")
    (told,) = compared("x.png", "-k4,64")["pictures"]
    assert told["channels"] == {"grey": 1, "alpha": 4}.get(kind, 3)
    assert all(one["problem"] is None for one in told["lossless"])
    for row in told["rows"]:
        data = kmq.encode(Image.open("x.png"), row["k"])
        ledger = kmq.inspect(data, Image.open("x.png"))
        assert (row["bytes"], row["entries"], row["mse"]) == (
            len(data),
            ledger.k,
            ledger.squared_error,
        )
        assert row["psnr"] == (ledger.psnr if math.isfinite(ledger.psnr) else None)
        assert (row["ssim"] is None) == (kind == "tiny")
        assert {one["codec"] for one in row["peers"]} == {"PNG-8"} | ({"JPEG"} if kind != "alpha" else set())
        assert all(one["problem"] is None for one in row["peers"])
    assert (told["rows"][1]["mse"] == 0) == (kind in ("few", "indexed", "tiny"))


def test_space_and_effort_reach_the_encoder(folder):
    told = compared("photo.png", "-k8", "--space=srgb", "--effort=fast")
    data = kmq.encode(PHOTO, 8, space="srgb", effort="fast")
    assert told["pictures"][0]["rows"][0]["bytes"] == len(data)


def test_standard_input_is_a_picture_too(folder):
    data = (folder / "photo.png").read_bytes()
    done = run("compare", "-", "-k2", "--json", stdin=data, check=0)
    assert json.loads(done.stdout)["pictures"][0]["source"] == "standard input"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png", "-k", "0"], "'0' is not a number from 1 to 65,536"),
        (["photo.png", "-k", "3,,4"], "'' is not a number"),
        (["photo.png", "-k", "65537"], "'65537' is not a number"),
        (["photo.png", "-k", "٣"], "is not a number"),
        (["photo.png", "-k", ",".join(["2"] * 65)], "65 numbers; at most 64"),
        (["photo.png", "--json", "--csv"], "leave one out"),
        (["-", "-"], "standard input can be read only once"),
        (["photo.png", "--html", "-"], "name a file for the page"),
        (["photo.png", "--html", "photo.png", "-f"], "input and output are the same file"),
        (["photo.png", "--time-limit", "nan"], "--time-limit"),
        ([], "IMAGE"),
    ],
)
def test_what_cannot_be_asked_for_is_wrong_usage(folder, arguments, message):
    before = (folder / "photo.png").read_bytes()
    done = run("compare", *arguments, check=2, env=os.environ | {"COLUMNS": "200"})
    assert message in done.stderr.decode()
    assert done.stdout == b""
    assert (folder / "photo.png").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png", "missing.png"], "kmq: missing.png: No such file or directory\n"),
        (["photo.png", "text"], "kmq: text: not a picture in a format that Pillow reads\n"),
        (
            ["photo.png", "--html", "there.html"],
            "kmq: there.html: exists; give another name, or --force overwrites",
        ),
        (["photo.png", "--html", "no/page.html"], "kmq: no: no such folder\n"),
        (
            ["photo.png", "--max-pixels=100"],
            "kmq: photo.png: the picture has more than 100 pixels; --max-pixels",
        ),
    ],
)
def test_an_error_comes_before_the_work_in_one_line(folder, arguments, message):
    (folder / "text").write_text("no picture")
    (folder / "there.html").write_text("mine")
    done = run("compare", *arguments, check=1)
    assert done.stderr.decode().startswith(message)
    assert done.stderr.count(b"\n") == 1
    assert done.stdout == b""
    assert (folder / "there.html").read_text() == "mine"


@pytest.mark.posix
def test_progress_is_shown_on_a_terminal_and_not_in_what_is_printed(folder):
    master, terminal = os.openpty()
    with (
        open("printed", "wb") as printed,
        subprocess.Popen(
            [sys.executable, "-m", "kmq_cli", "compare", "photo.png", "-k2,3", "--json"],
            stdout=printed, stderr=terminal, env=only(TERM="xterm"),
        ) as process,
    ):  # fmt: skip
        os.close(terminal)
        shown = b""
        while part := read_terminal(master):  # it holds little: who writes waits for who reads
            shown += part
    os.close(master)
    assert process.returncode == 0
    told = json.loads((folder / "printed").read_bytes())
    assert [row["k"] for row in told["pictures"][0]["rows"]] == [2, 3]
    assert "photo.png: k = 3, JPEG" in shown.decode()
