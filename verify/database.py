"""The example database of Hypothesis in dipcert's cache directory: a counterexample that was found is tried first again."""

from __future__ import annotations

from pathlib import Path

from hypothesis.database import DirectoryBasedExampleDatabase

from verify.cache import directory

__all__ = ["database"]


def database(path: Path | None = None) -> DirectoryBasedExampleDatabase:
    """The database, by default in the cache directory; a directory that cannot be written costs time, not the answer."""
    return DirectoryBasedExampleDatabase((directory() if path is None else path) / "examples")
