"""What the harnesses share: instrumenting what they import, and handing a check to Atheris."""

import contextlib
import importlib
import pkgutil
import shlex
import sys
import warnings

LONGEST = 4095
"""Bytes of the largest input: a hang is more than a second for less than 4 KiB."""


@contextlib.contextmanager
def instrumented(name, *packages):
    """Instrument what is imported within, and all of `packages`, if the module called `name` is being run.

    The packages import much only when they use it.
    """
    if name != "__main__":
        yield
        return
    import atheris

    with atheris.instrument_imports(include=["kmq", "kmq_cli"]):
        yield
        for package in map(importlib.import_module, packages):
            for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
                if found.name not in ("kmq.dask", "kmq_cli.__main__"):  # needs an extra; is the command
                    importlib.import_module(found.name)


def fuzz(check, **custom):
    """Call `check` with bytes until it raises, as the command line's options of libFuzzer say. Never returns.

    A warning is a failure, as it is in the tests. `custom` is for `atheris.Setup`.
    """
    import atheris

    warnings.simplefilter("error")
    options = sys.argv[1:]
    if not any(option.startswith("-max_len=") for option in options):
        options.insert(0, f"-max_len={LONGEST}")
    # To merge and to minimise, libFuzzer has a shell run its first argument again.
    command = shlex.join([sys.executable, sys.argv[0]])
    atheris.Setup([command, *options], check, **custom)
    atheris.Fuzz()
