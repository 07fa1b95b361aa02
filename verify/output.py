"""A result directory that appears complete or not at all.

Results are written to a hidden sibling, which is renamed when it is complete. Files of the user's own in an earlier
result directory are carried over; a directory that is no earlier result of dipcert is never touched.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from verify.tables import ProblemError

#: Lists the files of a result directory that dipcert wrote, one a line.
MANIFEST = ".dipcert"


class Destination:
    """The directory `path` that results are to go to."""

    def __init__(self, path: Path) -> None:
        # A link to a directory stays a link: what it points to is replaced.
        self.path = path
        self._target = Path(os.path.realpath(path))
        self._partial = self._target.parent / f".{self._target.name}.partial-{secrets.token_hex(4)}"

    def check(self) -> None:
        """ProblemError if results cannot go there; nothing is created or changed."""
        target = self._target
        if Path.cwd().is_relative_to(target):
            # It would be renamed under the feet of whoever works in it.
            raise ProblemError(f"--out {self.path} holds the current directory; choose a directory below it")
        if not target.exists():
            above = next(parent for parent in target.parents if parent.exists())
            if not above.is_dir():
                raise ProblemError(f"--out {self.path}: {above} is a file; choose another directory with --out")
            _writable(above, self.path)
            return
        if not target.is_dir():
            raise ProblemError(f"--out {self.path} is a file; choose a directory")
        _writable(target.parent, self.path)
        try:
            entries = [entry.name for entry in target.iterdir()]
        except OSError as error:
            raise ProblemError(f"--out {self.path} cannot be read ({error.strerror}); choose another --out") from None
        if entries and not _is_ours(target):
            raise ProblemError(
                f"--out {self.path} is not empty and holds no earlier result of dipcert, so it is left alone; "
                "choose another directory with --out, or empty it"
            )

    @contextmanager
    def open(self) -> Iterator[Path]:
        """A new directory to write results to; removed again unless `publish` was called."""
        try:
            self._partial.mkdir(parents=True)
        except OSError as error:
            raise ProblemError(
                f"--out {self.path} cannot be created ({(error.strerror or str(error)).lower()}); choose another --out"
            ) from None
        try:
            yield self._partial
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)

    def publish(self) -> None:
        """Put what was written in place of an earlier result, whose foreign files are kept."""
        written = sorted(str(p.relative_to(self._partial)) for p in self._partial.rglob("*") if p.is_file())
        (self._partial / MANIFEST).write_text("".join(f"{name}\n" for name in written), encoding="utf-8")
        if not self._target.exists():
            self._partial.rename(self._target)
            return
        _carry_over(self._target, self._partial)
        # A directory cannot be renamed over a non-empty one: the old result steps aside first, and is put back if the
        # new one cannot take its place.
        old = self._target.with_name(f".{self._target.name}.old-{secrets.token_hex(4)}")
        self._target.rename(old)
        try:
            self._partial.rename(self._target)
        except BaseException:
            old.rename(self._target)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _carry_over(old: Path, new: Path) -> None:
    """Copy the files of `old` that dipcert did not write into `new`, unless it has a file of that name."""
    manifest = old / MANIFEST
    ours = set(manifest.read_text(encoding="utf-8").splitlines()) if manifest.is_file() else set()
    for path in sorted(old.rglob("*")):
        name = path.relative_to(old)
        if path.is_dir() or str(name) in ours or path == manifest or (new / name).exists():
            continue
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, new / name, follow_symlinks=False)


def _is_ours(directory: Path) -> bool:
    """Whether `directory` holds an earlier result: its manifest, or a result.json that says so."""
    if (directory / MANIFEST).is_file():
        return True
    try:
        content = json.loads((directory / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and "dipcert" in content


def _writable(directory: Path, path: Path) -> None:
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ProblemError(f"--out {path}: {directory} is not writable; choose another directory with --out")


def strict_json(value: Any) -> Any:
    """`value` in types that strict JSON has: infinities and NaN as texts, NumPy numbers and arrays as plain ones.

    >>> strict_json({"bound": float("inf"), "t": (1, 2)})
    {'bound': 'inf', 't': [1, 2]}
    """
    if isinstance(value, dict):
        return {str(key): strict_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [strict_json(entry) for entry in value]
    if hasattr(value, "tolist"):
        return strict_json(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
