"""Builds the vectors: files that a decoder must read, and files that it must reject, from commented recipes.

    python build_vectors.py            writes vectors/**/*.kmq and vectors/manifest.json
    python build_vectors.py --check    compares them with what the recipes give; fails if one differs or lacks

A recipe is a text file. `#` begins a comment. Each other line is one of

    expect pixels, section 5      a valid file; which part of the spec it is for
    expect format M16             an invalid one: the class of the error and the requirement, if one is broken
    max_pixels 100                the limit that a decoder is to be given
    part NAME                     what follows is a part of the file, until the next such line
    4B 4D 51                      bytes in hexadecimal
    "KMQ"                         bytes in ASCII
    u32 5, uleb 300               numbers (section 1)
    crc NAME                      the CRC-32 of a part; `crc so far` is that of its own part up to there
    u32 size NAME                 how many bytes a part has
    packed 2: 0 2 1               indices of so many bits (section 5)
    palette rgb: FF0000 00FF00    entries in hexadecimal
    coded palette rgb kept 2 1 0: FF0000       the same in coded form (annex B): kept or sorted, Channel_Order
    counts: 0 3 15                rough counts for the next payload of the context coding
    coefficients: 0 -5            steps of its coefficients (C.3); those left out are 0
    context 0C 3x2: 0 2 1 1 0 2   its payload (annex C): Options, width and height, indices
    coefficients: 16 0 0 0 0 0 0  c0 to c6 for the next payload of the adaptive coding
    adaptive 04 3x2: 0 2 1 1 0 2  its payload (annex D): Options, width and height, indices
    adaptive 04 3x2 to 65537: 0   the same with this state at the end, where M36 wants 65,536
    more 00 00                    what to append to the line before
    less 2                        how many bytes to cut off its end

In lists, `9*FF` is nine times the same, and `9@00+11` nine numbers from 00 on, each 11 (in the base of
the list) more than the one before, modulo what their digits hold; `9@0+4%5` is modulo 5. `9~7%41-20`
is nine numbers from -20 to 20 that look random: for each, x, at first 7, becomes (1103515245 x + 12345) mod
2^31, and the number is (x >> 8) % 41 - 20. Without a modulus they are what their digits hold.
"""

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path

import reference_decoder
import writing

VECTORS = Path(__file__).with_name("vectors")
CHANNELS = {"grey": 1, "rgb": 3, "rgba": 4}


def numbers(text, base, digits=None):
    """The numbers of a list."""
    for token in text.split():
        listed = re.fullmatch(r"(\d+)@(\w+)\+(\w+?)(?:%(\d+))?", token)
        repeated = re.fullmatch(r"(\d+)\*(-?\w+)", token)
        drawn = re.fullmatch(r"(\d+)~(\d+)(?:%(\d+))?(?:-(\d+))?", token)
        if listed:
            count, first, step, modulus = listed.groups()
            modulus = int(modulus) if modulus else base ** (digits or 9)
            yield from ((int(first, base) + i * int(step, base)) % modulus for i in range(int(count)))
        elif repeated:
            yield from [int(repeated[2], base)] * int(repeated[1])
        elif drawn:
            x, modulus = int(drawn[2]), int(drawn[3]) if drawn[3] else base ** (digits or 9)
            for _ in range(int(drawn[1])):
                x = (1_103_515_245 * x + 12_345) % 2**31
                yield (x >> 8) % modulus - int(drawn[4] or 0)
        else:
            yield int(token, base)


class Recipe:
    """A recipe's expectation, and the bytes of its parts."""

    def __init__(self, path):
        self.expectation, self.limit, self.parts = "", None, {}
        self.items, self.palette = None, []
        self.counts, self.coefficients = [], []
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            text = line.partition("#")[0].strip()
            try:
                if text:
                    self.read(text)
            except (ValueError, KeyError, AttributeError, TypeError, StopIteration) as error:
                raise SystemExit(f"{path}:{number}: {line}: {error or type(error).__name__}") from error

    def read(self, text):
        word, _, rest = text.partition(" ")
        listed = rest.partition(":")[2]
        if word == "expect":
            self.expectation = rest
        elif word == "max_pixels":
            self.limit = int(rest)
        elif word == "part":
            self.items = self.parts[rest] = []
        elif word == "less":
            self.items[-1] = self.items[-1][: -int(rest)]
        elif word in ("crc", "u32") and not rest.isdigit():
            self.items.append((word, rest.removeprefix("size ")))
        else:
            self.items.append(self.content(word, rest, listed, text))

    def content(self, word, rest, listed, text):  # noqa: PLR0911 - a line is one of a dozen things
        """The bytes that a line stands for."""
        if text[0] == text[-1] == '"':
            return text[1:-1].encode("ascii")
        if word in ("uleb", "u32"):
            return {"uleb": writing.uleb, "u32": writing.u32}[word](int(rest))
        if word == "packed":
            return writing.packed([*numbers(listed, 10)], int(rest.split(":")[0]))
        if word == "more":
            return bytes.fromhex(rest)
        if word == "palette":
            self.palette = self.entries(rest.split(":")[0], listed)
            return b"".join(map(bytes, self.palette))
        if word == "coded":
            _, kind, order, *channel_order = rest.split(":")[0].split()
            self.palette = self.entries(kind, listed)
            return writing.coded_palette(
                self.palette, kept=order == "kept", order=[int(channel) for channel in channel_order]
            )
        if word.startswith("counts"):
            counts = [*numbers(rest, 10)]
            self.counts = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
            return b""
        if word.startswith("coefficients"):
            self.coefficients = [*numbers(rest, 10)]
            return b""
        if word == "context":
            return self.context(rest.split(":")[0], listed)
        if word == "adaptive":
            return self.adaptive(rest.split(":")[0], listed)
        return bytes(numbers(text, 16, 2))

    def entries(self, kind, listed):
        channels = CHANNELS[kind]
        return [tuple(value.to_bytes(channels, "big")) for value in numbers(listed, 16, 2 * channels)]

    def context(self, head, listed):
        options, size = head.split()
        width, height = map(int, size.split("x"))
        steps = self.coefficients + [0] * (126 - len(self.coefficients))
        encoder, _ = writing.context(
            int(options, 16),
            width,
            height,
            self.palette,
            [*numbers(listed, 10)],
            counts=self.counts,
            coefficients=steps,
        )
        self.counts, self.coefficients = [], []
        return bytes([int(options, 16)]) + encoder.finished()

    def adaptive(self, head, listed):
        options, size, *state = head.split()
        width, height = map(int, size.split("x"))
        coefficients, self.coefficients = self.coefficients or None, []
        indices = [*numbers(listed, 10)]
        if len(indices) != width * height:
            raise ValueError(f"{len(indices)} indices for {size}")
        options = int(options, 16)
        coder, _ = writing.adaptive(
            options & 31, width, height, self.palette, indices, coefficients=coefficients
        )
        return writing.adaptive_head(options, coefficients) + coder.finished(*map(int, state[1:]))

    def bytes(self, name):
        """A part's bytes."""
        built = b""
        for item in self.parts[name]:
            if isinstance(item, bytes):
                built += item
            elif item == ("crc", "so far"):
                built += writing.crc(built)
            elif item[0] == "crc":
                built += writing.crc(self.bytes(item[1]))
            else:
                built += writing.u32(len(self.bytes(item[1])))
        return built

    def file(self):
        return b"".join(map(self.bytes, self.parts))


def expected(recipe, data):
    """What the manifest says of a file. The reference decoder has to agree with the recipe."""
    wanted, _, clause = recipe.expectation.partition(" ")
    entry = {"max_pixels": recipe.limit} if recipe.limit else {}
    try:
        width, height, channels, pixels = reference_decoder.decode(data, recipe.limit)
    except reference_decoder.Rejected as error:
        if (wanted, clause) != (error.kind, error.rule):
            raise ValueError(f"it is rejected as {error}") from error
        return {"error": error.kind, "requirement": error.rule or None, **entry}
    if wanted != "pixels,":
        raise ValueError("it is valid")
    sha256 = hashlib.sha256(pixels).hexdigest()
    return {
        "clause": clause,
        "width": width,
        "height": height,
        "channels": channels,
        "pixels_sha256": sha256,
        **entry,
    }


def built():
    """Every file's path below VECTORS, and its bytes, the manifest included."""
    files, manifest = {}, {}
    for path in sorted(VECTORS.glob("*/*.txt")):
        recipe = Recipe(path)
        data = recipe.file()
        name = f"{path.parent.name}/{path.stem}.kmq"
        try:
            if (path.parent.name == "valid") != recipe.expectation.startswith("pixels"):
                raise ValueError(f"it expects {recipe.expectation}")
            manifest[name] = {"size": len(data), **expected(recipe, data)}
        except ValueError as error:
            raise SystemExit(f"{path}: expect {recipe.expectation}, but {error}") from error
        files[name] = data
    files["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    return files


def main():
    parser = argparse.ArgumentParser(
        description="Build the test vectors of the .kmq format from their recipes."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file differs or lacks")
    options = parser.parse_args()
    files = built()
    paths = [*VECTORS.glob("*/*.kmq"), *VECTORS.glob("*.json")]
    present = {path.relative_to(VECTORS).as_posix() for path in paths}
    if not options.check:
        for name in present - files.keys():
            (VECTORS / name).unlink()
        for name, data in files.items():
            (VECTORS / name).write_bytes(data)
        print(f"{len(files) - 1} vectors built")
        return
    wrong = sorted(present ^ files.keys())
    wrong += [name for name in sorted(present & files.keys()) if (VECTORS / name).read_bytes() != files[name]]
    if wrong:
        sys.exit(f"missing, without a recipe, or not what the recipe gives: {', '.join(wrong)}")
    print(f"{len(files) - 1} vectors are what their recipes give")


if __name__ == "__main__":
    main()
