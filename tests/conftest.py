"""Where the real pictures are: KMQ_CORPUS, or shared/corpus beside the checkout."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # how long an example takes is for bench/
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def corpus():
    """Return the folder with dev/ and pngsuite/; where it is absent the test is skipped and says so."""
    folder = Path(os.environ.get("KMQ_CORPUS", Path(__file__).parents[2] / "shared" / "corpus"))
    if not folder.is_dir():
        pytest.skip(f"no corpus of pictures at {folder}; KMQ_CORPUS can name another place")
    return folder
