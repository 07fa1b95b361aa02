"""The version of an experiment's code: a hash of every source that its replicas rest on.

These are the module of the replica function and, from there, whatever modules of this project are imported, also inside of
functions.  Comments, docstrings and blank lines do not count, so that better words cost no results.  The module that defines
what an experiment is does not count either: it computes nothing.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from verify.sweep.kind import Kind

__all__ = ["closure", "code_version", "essence"]

PACKAGES = ("theory", "numerics", "verify")
_NOT = ("verify.sweep.kind",)


def code_version(kind: Kind) -> str:
    """`version` of the experiment if it has one, else 16 hexadecimal digits made of its sources."""
    return kind.version if kind.version is not None else _hashed(kind.replica.__module__)


@cache
def _hashed(module: str) -> str:
    digest = hashlib.sha256()
    for name, path in sorted(closure(module).items()):
        digest.update(f"{name}\n{essence(path.read_text(encoding='utf-8'))}\n".encode())
    return digest.hexdigest()[:16]


def closure(module: str) -> dict[str, Path]:
    """The module and what it imports of this project, directly or not: name → file."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name in found or name in _NOT or path is None:
            continue
        found[name] = path
        waiting += _imports(name, path)
    return found


def _file(name: str) -> Path | None:
    """The source of a module; None if there is no such module (a name of a class, say)."""
    try:
        spec = find_spec(name)
    except (ModuleNotFoundError, ValueError):  # its parent is no package; a program has no spec
        return None
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


def _imports(name: str, path: Path) -> Iterator[str]:
    """Modules of this project that a file may import."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            home = ".".join([*above, *([node.module] if node.module else [])])
            names = [home, *(f"{home}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (found for found in names if found.partition(".")[0] in PACKAGES)


def essence(source: str) -> str:
    r"""The code without comments, docstrings and blank lines.

    >>> essence('"A module."\n\nx = 1  # one\ndef f():\n    "Says."\n    return x\n')
    'x = 1\ndef f():\n    return x'
    """
    lines = source.splitlines()
    for first, start, last, end in _docstrings(source):
        for number in range(first, last + 1):
            left = start if number == first else 0
            right = end if number == last else len(lines[number].encode())
            raw = lines[number].encode()
            blank = " " * len(raw[left:right].decode())  # columns of comments behind it stay what they are
            lines[number] = raw[:left].decode() + blank + raw[right:].decode()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _docstrings(source: str) -> Iterator[tuple[int, int, int, int]]:
    """First line, byte in it, last line, byte in it of every docstring; lines count from 0."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            head = node.body[0]
            if (
                isinstance(head, ast.Expr)
                and isinstance(head.value, ast.Constant)
                and isinstance(head.value.value, str)
            ):
                assert head.end_lineno is not None
                assert head.end_col_offset is not None
                yield head.lineno - 1, head.col_offset, head.end_lineno - 1, head.end_col_offset
