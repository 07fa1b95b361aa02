"""What SymPy said about the obligations, kept in the user's cache directory between calls.

An entry holds for one content of ``theory/`` and one version of SymPy: the name of the file is their hash, so a change
anywhere in the theory makes every entry unknown. A file that cannot be read, is damaged or does not fit is as good as
none, and a directory that cannot be written costs time, not the answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from theory.statement import Hypothesis, Statement
    from theory.status import Check, Status

    Item = Hypothesis | Statement

__all__ = ["CheckCache", "directory", "known_statuses", "theory_hash"]

_KEEP = 8
"""Files of other versions of the theory that are left: switching between branches should not recompute."""
_SAVE_EVERY = 1.0
"""Seconds between two savings, so that a process that is killed loses little."""


def directory() -> Path:
    """The cache directory of dipcert: XDG_CACHE_HOME/dipcert, ~/.cache/dipcert, or what the platform has for it."""
    from platformdirs import user_cache_path

    return user_cache_path("dipcert", appauthor=False)


@cache
def theory_hash() -> str:
    """A hash of every source file of ``theory``, of the versions of SymPy and mpmath, and of Python's."""
    import theory

    root = Path(theory.__file__).parent
    digest = hashlib.sha256(f"{version('sympy')} {version('mpmath')} {platform.python_version()}".encode())
    for path in sorted(root.rglob("*.py")):
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


class CheckCache:
    """:func:`theory.status.check` with a memory; use it as a context, which saves at its end, also an interrupted one.

    Only items of the shipped registry are remembered: what makes the key is the source that they come from. `fresh`
    forgets what earlier calls found. `progress` is called with (done, total) for the items given to `expect`.
    """

    def __init__(self, path: Path | None = None, *, fresh: bool = False) -> None:
        self._path = (directory() if path is None else path) / f"obligations-{theory_hash()[:32]}.json"
        self._known: dict[str, tuple[Check, ...]] = {} if fresh else _read(self._path)
        self._changed = False
        self._saved = time.monotonic()
        self.asked = 0  # items that SymPy was asked about

    def knows(self, item: Item) -> bool:
        """Whether `check` answers without SymPy."""
        if not item.obligations:
            return True
        known = self._known.get(item.id)
        return known is not None and _ours(item) and [one.text for one in known] == [o.text for o in item.obligations]

    def __call__(self, item: Item) -> tuple[Check, ...]:
        """The checks of an item, from memory if they are there."""
        from theory.status import check

        if item.obligations and self.knows(item):
            return self._known[item.id]
        found = check(item)
        self.asked += bool(item.obligations)
        if item.obligations and _ours(item):
            self._known[item.id] = found
            self._changed = True
            if time.monotonic() - self._saved > _SAVE_EVERY:
                self.save()
        return found

    def save(self) -> None:
        """Write atomically; a directory that refuses is no reason to fail."""
        if not self._changed:
            return
        entries = {key: [[one.text, one.ok, one.why] for one in checks] for key, checks in sorted(self._known.items())}
        text = json.dumps({"theory": theory_hash(), "checks": entries}, indent=1, ensure_ascii=True)
        partial = self._path.with_name(f".{self._path.name}.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, self._path)
            _prune(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
        self._changed = False
        self._saved = time.monotonic()

    def __enter__(self) -> CheckCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.save()


def _ours(item: Item) -> bool:
    from theory.ledger import registry

    return item.id in registry and registry[item.id] is item


def _read(path: Path) -> dict[str, tuple[Check, ...]]:
    """The entries of a file that are well formed; nothing of a file that is not."""
    from theory.status import Check

    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("theory") != theory_hash():
        return {}
    entries = content.get("checks")
    known: dict[str, tuple[Check, ...]] = {}
    for key, rows in entries.items() if isinstance(entries, dict) else ():
        if isinstance(rows, list) and all(_well_formed(row) for row in rows):
            known[key] = tuple(Check(*row) for row in rows)
    return known


def _well_formed(row: Any) -> bool:
    """[text, proved?, why not]: proved says no why, not proved has one."""
    return (
        isinstance(row, list) and len(row) == 3 and isinstance(row[0], str)
        and isinstance(row[1], bool) and isinstance(row[2], str) and row[1] == (row[2] == "")
    )  # fmt: skip


def _prune(path: Path) -> None:
    """Remove all but the newest files of other versions."""
    others = [other for other in path.parent.glob("obligations-*.json") if other != path]
    for old in sorted(others, key=lambda other: other.stat().st_mtime, reverse=True)[_KEEP:]:
        old.unlink(missing_ok=True)


def known_statuses(
    registry: Mapping[str, Item],
    keys: Iterable[str] | None = None,
    *,
    fresh: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Status]:
    """:func:`theory.status.statuses` with the cache; `progress` is called with (done, total) as SymPy is asked."""
    from theory.status import ancestors, statuses

    wanted = list(registry if keys is None else keys)
    with CheckCache(fresh=fresh) as memory:
        needed = {name for key in wanted for name in (key, *ancestors(key, registry))}
        total = sum(not memory.knows(registry[name]) for name in needed)

        def remembering(item: Item) -> tuple[Check, ...]:
            found = memory(item)
            if progress is not None and total:
                progress(memory.asked, total)
            return found

        return statuses(registry, wanted, remembering)
