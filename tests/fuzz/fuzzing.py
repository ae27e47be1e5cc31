"""What the harnesses share: instrumenting what they import, and handing a check to Atheris."""

import contextlib
import shlex
import sys
import warnings

LONGEST = 4095
"""Bytes of the largest input: a hang is more than a second for less than 4 KiB."""


def instrumented(name):
    """Instrument what is imported within, if the module called `name` is the one being run."""
    if name != "__main__":
        return contextlib.nullcontext()
    import atheris

    return atheris.instrument_imports(include=["kmq", "kmq_cli"])


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
