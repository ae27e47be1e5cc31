"""A decoded picture as a file of any format that Pillow writes."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from kmq_cli.pictures.formats import KMQ, is_writable, named_by, written
from kmq_cli.pictures.source import pillow_limit
from kmq_cli.terminal.failures import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq import IndexPlane, Palette

INDEXED_FORMATS = {"PNG", "GIF", "TIFF", "BMP", "PCX", "TGA"}
"""Formats that have palettes, so that a picture of up to 256 colours needs no larger form."""

EXACT: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True, "exact": True}}
"""What to ask of formats that are lossy by default."""

METRES_PER_INCH = 0.0254
"""Files have a density in pixels a metre (spec section 7), Pillow in dots an inch."""

XMP_TAG = 700
"""Tag of a TIFF file's XMP packet."""

OPAQUE = "transparency is lost"

WRITES = "it writes .png .webp .tiff .gif .bmp .jpg .ppm .tga and others"


def suffix_of(asked: str | None) -> str:
    """Return the suffix for a format that was asked for, such as "webp"; ".png" for None.

    Raises UsageError if Pillow can't write it.
    """
    if asked is None:
        return ".png"
    suffix = f".{asked.lower().removeprefix('.')}"
    if not is_writable(suffix):
        raise UsageError(f"--format {asked}: Pillow can't write it; {WRITES}")
    return suffix


def format_for(output: str, asked: str | None = None) -> str:
    """Return Pillow's name for a format: the one that was asked for, or that of the output's suffix.

    Standard output and devices get PNG unless another is asked for. Raises UsageError for a suffix
    that Pillow can't write, or that contradicts the format that was asked for.
    """
    path = Path(output)
    has_suffix = output != "-" and (not path.exists() or path.is_file() or path.is_dir())
    named = named_by(path.suffix.lower()) if has_suffix else "PNG"
    if asked is not None:
        wanted = named_by(suffix_of(asked))
        assert wanted is not None  # noqa: S101  suffix_of has looked
        if has_suffix and named not in (None, wanted):
            raise UsageError(f"{output} has the suffix of another format than --format {asked}")
        return wanted
    if named == KMQ:
        raise UsageError(
            f"{output}: kmq decode writes other formats; to make a .kmq file of a .kmq file, use kmq encode"
        )
    if named is None or not is_writable(path.suffix.lower() if has_suffix else ".png"):
        raise UsageError(f"{output}: Pillow can't write {path.suffix or 'a file without a suffix'}; {WRITES}")
    return named


def export(
    palette: Palette, plane: IndexPlane, metadata: Mapping[str, bytes], name: str, background: str = "white"
) -> tuple[bytes, list[str]]:
    """Return the picture, with its metadata, in the format `name`; and what that format lost, in words.

    What is written is read back and compared. An indexed picture is tried before a true-colour one, and the
    first that is exact is taken. If the format has no transparency, the picture is laid over `background`, a
    colour as Pillow names it.

    Raises ValueError if the format can't hold the picture at all.
    """
    shown = Image.fromarray(palette.colours(plane))
    options = _options(metadata)
    forms = _forms(plane, palette, shown, name, has_profile="icc" in metadata)
    try:
        data, losses = _best(forms, shown, name, options)
    except ValueError:
        if palette.channels < 4:
            raise
        data, losses = b"", [OPAQUE]
    if OPAQUE not in losses:
        return data, losses
    behind = Image.new("RGBA", shown.size, background)
    behind.alpha_composite(shown)
    laid = behind.convert("RGB")
    data, losses = _best([laid], laid, name, options)
    if any(entry[3] < 255 for entry in palette.entries[plane.counts() > 0].tolist()):
        losses.insert(0, f"{name} has no transparency: laid over {background} (--background takes another)")
    return data, losses


def _options(metadata: Mapping[str, bytes]) -> dict[str, Any]:
    """Return the metadata as the options of Pillow's writer of a format."""
    kept = (("icc_profile", b"", "icc"), ("exif", b"Exif\0\0", "exif"), ("xmp", b"", "xmp"))
    options: dict[str, Any] = {
        option: prefix + metadata[key] for option, prefix, key in kept if key in metadata
    }
    density = metadata.get("density", b"")
    across, down = struct.unpack("<2I", density) if len(density) == 8 else (0, 0)
    if across and down:
        options["dpi"] = (across * METRES_PER_INCH, down * METRES_PER_INCH)
    return options


def _as_written(options: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the options with an XMP packet where a format has it and Pillow's writer doesn't put it."""
    options = dict(options)
    if name == "PNG" and "xmp" in options:
        from PIL.PngImagePlugin import PngInfo

        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode("utf-8", "replace"))
    elif name == "TIFF" and "xmp" in options:
        tags = Image.Exif()
        with contextlib.suppress(Exception):  # damaged Exif metadata
            tags.load(options.get("exif", b""))
        tags[XMP_TAG] = options.pop("xmp")
        options["exif"] = tags
    return options


def _lighter(options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the options, then with ever less of the metadata that a format may have no room for."""
    yield options
    for left_out in ({"xmp"}, {"exif"}, {"exif", "xmp"}, {"icc_profile", "exif", "xmp", "dpi"}):
        if left_out & options.keys():
            yield {name: value for name, value in options.items() if name not in left_out}


def _best(
    forms: Iterable[Image.Image], shown: Image.Image, name: str, options: dict[str, Any]
) -> tuple[bytes, list[str]]:
    """Return the first file that shows `shown` exactly, else the last that can be written; and its losses.

    Raises ValueError if none can be written.
    """
    best: tuple[bytes, list[str]] | None = None
    problem: Exception | None = None
    for form in forms:
        data = None
        for less in _lighter(options):
            try:
                data = written(form, name, **EXACT.get(name, {}), **_as_written(less, name))
                break
            except Exception as error:  # noqa: BLE001  each format's writer has its own ways to fail
                problem = problem or error
        if data is None:
            continue
        best = data, _losses(data, shown, options, name)
        if not best[1]:
            break
    if best is None:
        raise ValueError(f"{name} can't hold this picture ({problem}); .png can")
    return best


def _forms(
    plane: IndexPlane, palette: Palette, shown: Image.Image, name: str, *, has_profile: bool
) -> Iterator[Image.Image]:
    grey_profile = palette.channels == 1 and has_profile  # which a palette of RGB can't have
    if palette.k <= 256 and name in INDEXED_FORMATS and not grey_profile:
        yield indexed_image(plane, palette, name)
    yield shown


def indexed_image(plane: IndexPlane, palette: Palette, name: str) -> Image.Image:
    """Return a Pillow image of mode P, with its transparency as the format `name` has it."""
    image = Image.fromarray(plane.indices)
    colours = palette.entries
    image.putpalette((colours[:, :3] if palette.channels > 1 else np.repeat(colours, 3, axis=1)).tobytes())
    if palette.channels == 4:
        alpha = colours[:, 3]
        if name != "GIF":
            image.info["transparency"] = alpha.tobytes()
        elif not alpha.all():  # GIF has one transparent index and nothing between
            image.info["transparency"] = int(alpha.argmin())
    return image


def _reopened(data: bytes, name: str) -> Image.Image:
    """Open a file that Pillow's plugin for a format has just written."""
    opener = Image.OPEN.get(name)
    return Image.open(io.BytesIO(data)) if opener is None else opener[0](io.BytesIO(data), "")


def _losses(data: bytes, shown: Image.Image, options: dict[str, Any], name: str) -> list[str]:
    """Say how the written file differs from the picture and its metadata."""
    try:
        with pillow_limit(None), _reopened(data, name) as image:  # these are our own bytes
            image.load()
            again = image
    except Exception:  # noqa: BLE001  each format's reader has its own ways to fail
        return ["Pillow can't read this format back, so it wasn't compared with the picture"]
    if again.size != shown.size:
        return [f"its size is {again.width} x {again.height}, not {shown.width} x {shown.height}"]
    losses = []
    transparent, most = _differences(shown, again)
    if transparent:
        losses.append(OPAQUE)
    elif most:
        losses.append(f"the format is lossy here: colours differ by up to {most} of 255")
    if "icc_profile" in options and not again.info.get("icc_profile"):
        losses.append("the colour profile is lost, so colours may look different")
    if "exif" in options and not again.getexif():
        losses.append("the Exif metadata is lost")
    if "xmp" in options and not (again.info.get("xmp") or again.info.get("XML:com.adobe.xmp")):
        losses.append("the XMP metadata is lost")
    if "dpi" in options and not again.info.get("dpi"):
        losses.append("the density is lost")
    return losses


def _differences(before: Image.Image, after: Image.Image) -> tuple[bool, int]:
    """Tell whether all transparency was lost, and by how much colours differ, in bands of rows."""
    some_before, some_after, most = False, False, 0
    rows = max(1, (1 << 20) // before.width)
    for top in range(0, before.height, rows):
        band = (0, top, before.width, min(top + rows, before.height))
        one, other = _as_seen(before.crop(band)), _as_seen(after.crop(band))
        some_before |= bool((one[:, :, 3] < 255).any())
        some_after |= bool((other[:, :, 3] < 255).any())
        most = max(most, int(np.abs(one.astype(np.int16) - other).max()))
    return some_before and not some_after, most


def _as_seen(image: Image.Image) -> NDArray[np.uint8]:
    """Return RGBA pixels, (H, W, 4); transparent ones are black."""
    pixels = np.array(image.convert("RGBA"))
    pixels[pixels[:, :, 3] == 0] = 0
    return pixels
