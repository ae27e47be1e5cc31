"""The options of the encoder, defined once for every function that takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from kmq._coding.codings import AUTO, CODINGS, CodingOptions
from kmq._container.writing import Writing
from kmq._encode.target import Target, checked_target
from kmq._ground.arguments import checked_name
from kmq._ground.threads import checked_threads
from kmq._indexed.tiles import checked_tile
from kmq._palette.fitting import KMeansOptions
from kmq._palette.given import PaletteLike, load_palette
from kmq._picture.canonical import checked_keep
from kmq._plane.dithering import STRENGTH

if TYPE_CHECKING:
    from kmq._indexed.palette import Palette


class ClusterOptions(TypedDict, total=False):
    """The options that `kmq.dask.encode` takes besides `k`: threads are the scheduler's."""

    palette: PaletteLike | None
    space: str | None
    effort: str
    coding: str
    tile: int | str | None
    reorder_palette: bool
    n_init: int | None
    max_iter: int | None
    tol: float | None
    random_state: int | None


class TileOptions(ClusterOptions, total=False):
    """The options that `encode_tiles` takes besides `k`."""

    threads: int


class Options(TileOptions, total=False):
    """The options that `encode` takes besides `k`: these need the whole picture at once."""

    psnr: float | None
    max_bytes: int | None
    bpp: float | None
    dither: str
    strength: float | None
    keep: Iterable[str]


def check_known(function: str, options: Mapping[str, object], known: type) -> None:
    """Raise TypeError for a name that isn't in `known`, one of the classes above, as Python does."""
    for name in options:
        if name not in known.__annotations__:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Request:
    """What the encoder is asked for: the options of `encode`, checked, and what follows from them.

    `target` is the number of colours, or how to look for it; `given` is the palette to use, if one was given;
    `clustering` says how to choose one, and `writing` how to write the file.

    Raises ValueError or TypeError, naming the argument; for a palette file also FormatError or OSError.
    """

    k: int | str | None = None
    palette: PaletteLike | None = None
    psnr: float | None = None
    max_bytes: int | None = None
    bpp: float | None = None
    space: str | None = None
    effort: str = "default"
    dither: str = "none"
    strength: float | None = None
    coding: str = AUTO
    tile: int | str | None = "auto"
    threads: int = 1
    reorder_palette: bool = False
    keep: Iterable[str] = ()
    n_init: int | None = None
    max_iter: int | None = None
    tol: float | None = None
    random_state: int | None = None

    target: int | Target = field(init=False)
    given: Palette | None = field(init=False)
    clustering: KMeansOptions = field(init=False)
    writing: Writing = field(init=False)

    def __post_init__(self) -> None:
        writing = self._checked_writing()
        given = None if self.palette is None else load_palette(self.palette)
        entries = None if given is None else given.k
        found = {
            "writing": writing,
            "given": given,
            "target": checked_target(self.k, self.psnr, self.max_bytes, self.bpp, fixed=entries),
            "clustering": self._checked_clustering(),
            "keep": checked_keep(self.keep),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    def _checked_writing(self) -> Writing:
        return Writing(
            checked_name("coding", self.coding, (AUTO, *CODINGS)),
            checked_tile(self.tile),
            checked_threads(self.threads),
            CodingOptions(self.effort),
            keep_palette_order=self.palette is not None and not self.reorder_palette,
        )

    def _checked_clustering(self) -> KMeansOptions:
        space, strength = self.space, self.strength
        if space is None:
            space = "oklab" if self.psnr is None else "srgb"
        if strength is None:
            strength = STRENGTH if self.palette is None else 1.0
        return KMeansOptions(
            space, self.effort, self.dither, strength, self.n_init, self.max_iter, self.tol, self.random_state
        )
