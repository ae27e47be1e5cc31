"""`kmq compare` on a small photo, with none of the other programs or only some."""

import json
import os

from sklearn.datasets import load_sample_image

from commands import run

PHOTO = load_sample_image("china.jpg")[100:160, 200:280]
PROGRAMS = ("oxipng", "cwebp", "cjxl", "pngquant")


def only(path="", **more):
    """Return an environment that has only the programs of the folder `path`."""
    # joblib, which scikit-learn imports, would otherwise run a program to count the cores.
    return os.environ | {"PATH": str(path), "LOKY_MAX_CPU_COUNT": "1"} | more


def compared(*arguments, path="", **environment):
    """Run `kmq compare --json` with only the programs of the folder `path`; return what it told."""
    done = run("compare", *arguments, "--json", check=0, env=only(path, **environment))
    assert done.stderr == b""
    return json.loads(done.stdout)


def peer(row, codec):
    (found,) = (one for one in row["peers"] if one["codec"] == codec)
    return found
