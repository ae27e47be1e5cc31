"""The Pillow plugin: once kmq is imported, `Image.open` reads .kmq files and `image.save` writes them.

*Reading.* `Image.open` reads the header, the palette and the metadata; the pixels are read and decoded when
they are first needed. An image of up to 256 entries has mode P. If its palette has alpha,
`info["transparency"]` is that of a PNG, the one transparent index or the alphas of all entries; the palette
has the alphas too, for programs that look only there. With more entries the mode is L, RGB or RGBA. (Greys
with a profile have mode L, because a grey profile doesn't fit a palette of RGB.) `info` also has "k",
"coding", "tile" (the side, or None) and, if the file has them, "icc_profile", "exif", "xmp" and "dpi". The
pixels are stored upright, so an orientation in the metadata becomes 1.

The limit is Pillow's own `Image.MAX_IMAGE_PIXELS`. `Image.open` raises UnidentifiedImageError for a file that
is no .kmq or whose header, palette or metadata is damaged; loading damaged pixels raises OSError. Both name
the field. `ImageFile.LOAD_TRUNCATED_IMAGES` doesn't change that, because a damaged tile has nothing to show.
`verify()` checks every checksum without decoding. `crop()` decodes the whole picture first, and `draft()`
can't decode a smaller one: use `kmq.open` to read a region.

*Writing.* `image.save("x.kmq", k=16)` takes the options of `kmq.encode` and raises what that does. An image
of mode P comes back with its palette and its indices. Of the options of other formats, `dpi` and `optimize`
are ignored, because programs pass them whatever the format is. Any other name is a TypeError; for common
names, such as `quality`, it says what to use instead. Metadata is kept if `keep` names it or if it
is given: `exif`, `xmp` and `icc_profile` replace the image's own. Without a profile colours are stored in
sRGB. Pillow empties an existing file before it calls the encoder; `kmq.save` leaves the file as it was until
the new one is whole.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImagePalette, UnidentifiedImageError

from kmq._container.header import MAGIC, Header, read_container, read_header, read_sections
from kmq._encode.encoder import encode
from kmq._encode.options import Options
from kmq._file.decoder import decode_tile, tile_payloads
from kmq._ground.arguments import checked_type
from kmq._ground.errors import KmqError, TruncatedError
from kmq._ground.whole_files import write_stream
from kmq._indexed.index_plane import trusted_plane
from kmq._picture.canonical import BROKEN_EXIF, checked_keep
from kmq._picture.source.density import dpi_of

if TYPE_CHECKING:
    from kmq._indexed.index_plane import Indices
    from kmq._indexed.palette import Palette
    from kmq._indexed.tiles import Box

__all__ = ["FORMAT", "KmqImageFile"]

FORMAT = "KMQ"
"""What Pillow calls the format: `Image.open(path).format`, and the `format` of `image.save`."""

MOST_OF_P = 256
"""Most entries that a palette of Pillow's can have."""

FIRST_READ = 2048
"""Bytes read first: header and palette of nearly every picture of 256 colours."""

MOST_AT_ONCE = 1 << 20
"""Bytes read at a time: a larger read may allocate its memory before the bytes come."""

BAND = 1 << 20
"""Pixels handed to Pillow at a time, so that a large tile isn't in memory twice."""

KEPT = {"icc_profile": "icc", "exif": "exif", "xmp": "xmp"}
"""The name of each kind of metadata in Pillow, and in `keep`."""

OPTIONS = frozenset({"k", *Options.__annotations__})
"""Options of `image.save`: those of `kmq.encode`."""

IGNORED = frozenset({"dpi", "optimize"})
"""Options that programs pass whatever the format is, such as Matplotlib and makers of thumbnails."""

INSTEAD = MappingProxyType(
    {
        "quality": "psnr (in dB), k or max_bytes",
        "lossless": "k=65536, which keeps up to that many colours exactly",
        "method": "effort",
        "compress_level": "effort",
        "colors": "k",
        "colours": "k",
        "bits": "k",
    }
)
"""What to use instead of common options of other formats."""

ORIENTATION_IN_XMP = re.compile(rb'(tiff:Orientation(?:="|>))[0-9]')
"""Where Pillow looks for an orientation if the Exif metadata has none."""


class KmqImageFile(ImageFile.ImageFile):
    """A .kmq file as an image, as `Image.open` returns it."""

    format = FORMAT
    format_description = "kmq, k-means palette"
    n_frames = 1
    is_animated = False

    def _open(self) -> None:
        assert self.fp is not None  # noqa: S101  ImageFile has just set it
        start = self.fp.tell()
        head = _read(self.fp, FIRST_READ)
        if not _accept(head):
            raise SyntaxError("not a .kmq file")
        try:
            header, metadata = _read_head(self.fp, head)
        except KmqError as error:
            # Image.open swallows a SyntaxError; this comes out of it, and says what is wrong.
            raise UnidentifiedImageError(f"cannot read {self.filename or self.fp!r}: {error}") from error
        palette = header.palette
        self._size = (header.grid.width, header.grid.height)
        self._mode = _mode(palette, has_profile="icc" in metadata)
        self.tile = [ImageFile._Tile("kmq", (0, 0, *self._size), start, (palette,))]  # noqa: SLF001  their way
        self.info |= {"k": palette.k, "coding": header.coding.name, "tile": header.grid.side}
        if "icc" in metadata:
            self.info["icc_profile"] = metadata["icc"]
        if "exif" in metadata:
            self.info["exif"] = b"Exif\0\0" + _upright(metadata["exif"])
        if "xmp" in metadata:
            self.info["xmp"] = ORIENTATION_IN_XMP.sub(rb"\g<1>1", metadata["xmp"])
        if "density" in metadata and (dpi := dpi_of(metadata["density"])):
            self.info["dpi"] = dpi
        if self._mode == "P":
            colours = palette.entries if palette.channels > 1 else np.repeat(palette.entries, 3, axis=1)
            self.palette = ImagePalette.ImagePalette(
                "RGBA" if palette.channels == 4 else "RGB", colours.tobytes()
            )
            self.palette.dirty = 1  # until load() gives it to the pixels
            if palette.channels == 4:
                self.info["transparency"] = _transparency(palette.entries[:, 3].tobytes())

    def verify(self) -> None:
        """Check every checksum and size, without decoding. Call it right after `Image.open`.

        Raises OSError naming the field. Like that of other formats it closes the file.
        """
        if self.fp is None:
            raise RuntimeError("verify must be called directly after open")
        self.fp.seek(self.tile[0].offset)
        with _as_oserror():
            data = memoryview(self.fp.read())
            container = read_container(data)
            for number, payload in tile_payloads(data, container, range(container.grid.count)):
                container.check_payload(number, payload)
        super().verify()

    def load_seek(self, pos: int) -> None:
        """Go to where the file begins. Because of this method, ImageFile.Parser waits for the whole file."""
        assert self.fp is not None  # noqa: S101  ImageFile.load has looked
        self.fp.seek(pos)


class KmqDecoder(ImageFile.PyDecoder):
    """Decodes a file tile by tile into Pillow's memory. Raises OSError if it is damaged."""

    _pulls_fd = True

    def decode(self, buffer: object) -> tuple[int, int]:  # noqa: ARG002  it reads the file itself
        """Read and decode the whole file."""
        assert self.fd is not None  # noqa: S101  ImageFile.load has set both
        assert self.im is not None  # noqa: S101
        (palette,) = self.args
        with _as_oserror():
            data = memoryview(self.fd.read())
            container = read_container(data)
            if (container.grid.width, container.grid.height) != self.im.size or container.palette != palette:
                raise OSError("the file has changed since it was opened")
            for number, payload in tile_payloads(data, container, range(container.grid.count)):
                indices = decode_tile(container, number, payload)
                self._show(indices, container.grid.box(number), palette)
        return -1, 0

    def _show(self, indices: Indices, box: Box, palette: Palette) -> None:
        rows = max(1, BAND // box.width)
        for top in range(0, box.height, rows):
            part = indices[top : top + rows]
            y = box.y + top
            self.setimage(cast("Any", self.im), (box.x, y, box.x + box.width, y + len(part)))
            shown = part if self.mode == "P" else palette.colours(trusted_plane(part, palette.k))
            self.set_as_raw(shown.tobytes())


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(MAGIC)


def _read(file: IO[bytes], size: int) -> bytes:
    """Return the next `size` bytes of a file, fewer only at its end."""
    parts, left = [], size
    while left > 0 and (part := file.read(min(left, MOST_AT_ONCE))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _read_head(file: IO[bytes], head: bytes) -> tuple[Header, Mapping[str, bytes]]:
    """Return the header and the metadata of a file that begins with `head` and goes on in `file`.

    Reads little more than those. Raises KmqError.
    """
    while True:
        try:
            header = read_header(memoryview(head))
            break
        except TruncatedError:
            more = _read(file, len(head))
            if not more:
                raise
            head += more
    end = header.size + header.sections_size
    head += _read(file, end - len(head))
    if len(head) < end:
        raise TruncatedError(
            f"the file is truncated: its sections end at offset {end}; it ends at {len(head)}"
        )
    return header, read_sections(memoryview(head), header)


def _mode(palette: Palette, *, has_profile: bool) -> str:
    if palette.k <= MOST_OF_P and not (palette.channels == 1 and has_profile):
        return "P"
    return {1: "L", 3: "RGB", 4: "RGBA"}[palette.channels]


def _transparency(alphas: bytes) -> int | bytes:
    """Return the only transparent index if all others are opaque, as a PNG has it; else all alphas."""
    if alphas.count(0) == 1 and alphas.count(255) == len(alphas) - 1:
        return alphas.index(0)
    return alphas


def _upright(exif: bytes) -> bytes:
    """Return Exif metadata with its orientation, if any, made 1: the pixels are upright (spec section 7)."""
    if exif[:2] not in (b"II", b"MM"):
        return exif
    # TIFF 6.0: a byte order, 42, where the first table is; that has a count, then entries of tag, type, ...
    order, turned = "<" if exif[:2] == b"II" else ">", bytearray(exif)
    with contextlib.suppress(struct.error):  # broken: left as it is
        (table,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, table)
        for entry in range(table + 2, table + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(f"{order}HH", exif, entry)
            if tag == ExifTags.Base.Orientation:
                struct.pack_into(f"{order}{'I' if kind == 4 else 'H'}", turned, entry + 8, 1)
    return bytes(turned)


@contextlib.contextmanager
def _as_oserror() -> Iterator[None]:
    """Raise what is wrong with the file as an OSError, as Pillow's plugins do."""
    try:
        yield
    except KmqError as error:
        raise OSError(str(error)) from error


def save(image: Image.Image, file: IO[bytes], _filename: str | bytes) -> None:
    """Write an image to a file, as Pillow's `image.save` asks for."""
    asked = cast("dict[str, Any]", image.encoderinfo)  # Image.save sets it
    _check_names(asked)
    options = {name: value for name, value in asked.items() if name in OPTIONS}
    given = {name: asked[name] for name in KEPT if name in asked}
    if given:
        keep = {KEPT[name] for name, value in given.items() if value}
        options["keep"] = {*checked_keep(options.get("keep", ())), *keep}
        image = _with_metadata(image, given)
    write_stream(cast("BinaryIO", file), encode(image, **options))


def _check_names(asked: Mapping[str, Any]) -> None:
    """Raise TypeError for an option that isn't the encoder's and that isn't ignored."""
    for name in asked:
        if name not in OPTIONS | IGNORED | KEPT.keys():
            hint = f"use {INSTEAD[name]}" if name in INSTEAD else f"it takes {', '.join(sorted(OPTIONS))}"
            raise TypeError(f"kmq has no option {name!r}; {hint}")


def _with_metadata(image: Image.Image, given: Mapping[str, Any]) -> Image.Image:
    """Return a copy of an image that has the `given` metadata in place of its own."""
    copy = image.copy()
    if "exif" not in given:
        # A copy has the Exif metadata of `info`, but not that of a TIFF, or what was changed since.
        with contextlib.suppress(*BROKEN_EXIF):
            copy.getexif().load(image.getexif().tobytes())
    for name, value in given.items():
        copy.info.pop(name, None)
        if name == "xmp":
            copy.info.pop("XML:com.adobe.xmp", None)  # as older PNGs have it
        if not value:
            continue
        if isinstance(value, Image.Exif):
            copy.info[name] = value.tobytes()
        elif name == "xmp" and isinstance(value, str):
            copy.info[name] = value.encode()
        else:
            checked_type(name, value, bytes, "bytes")
            copy.info[name] = value
    return copy


Image.register_open(FORMAT, KmqImageFile, _accept)
Image.register_decoder("kmq", KmqDecoder)
Image.register_save(FORMAT, save)
Image.register_extension(FORMAT, ".kmq")
Image.register_mime(FORMAT, "image/x-kmq")
