"""The example database of Hypothesis in dipcert's cache directory: a counterexample that was found is tried first again.

Hypothesis itself neither reads nor writes it in a search with a seed, so searches with one keep what they find here
themselves, as JSON under their own keys.  What Hypothesis stores besides goes to the cache as well, not to ``.hypothesis`` in the
current directory.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase

from verify.cache import directory

__all__ = ["database", "remember", "remembered"]


def database(path: Path | None = None) -> DirectoryBasedExampleDatabase:
    """The database, by default in the cache directory; a directory that cannot be written costs time, not the answer.

    In the cache directory Hypothesis then keeps its own files too, unless HYPOTHESIS_STORAGE_DIRECTORY says where.
    """
    if path is None:
        path = directory()
        if not os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY"):
            set_hypothesis_home_dir(path / "hypothesis")
    return DirectoryBasedExampleDatabase(path / "examples")


def remember(kept: ExampleDatabase | None, key: str, data: Any) -> None:
    """Keep a counterexample, a JSON value, under a key; without a database nothing happens.

    >>> from hypothesis.database import InMemoryExampleDatabase
    >>> kept = InMemoryExampleDatabase()
    >>> remember(kept, "a claim", {"y": 0.5})
    >>> remembered(kept, "a claim")
    [{'y': 0.5}]
    """
    if kept is not None:
        kept.save(key.encode(), json.dumps(data, sort_keys=True).encode())


def remembered(kept: ExampleDatabase | None, key: str) -> list[Any]:
    """What is kept under a key; entries that cannot be read are passed over."""
    found = []
    for entry in sorted(kept.fetch(key.encode())) if kept is not None else ():
        try:
            found.append(json.loads(entry))
        except ValueError:
            continue
    return found
