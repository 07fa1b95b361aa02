"""A TOML file as a dictionary, and one line of cause and remedy where it cannot be read."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

from verify.tables import ProblemError

__all__ = ["read_toml"]


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """The content of a TOML file (UTF-8) that describes a problem, an experiment, ...: `what`."""
    if path.is_dir():
        raise ProblemError(f"{path} is a directory; name the {what} file in it, for example {path / f'{what}.toml'}")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ProblemError(f"{path} does not exist; {_nearest_file(path)}") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ProblemError(f"{path} cannot be read ({reason}); check its permissions") from None
    except ValueError as error:  # a NUL byte in the name
        raise ProblemError(f"{str(path)!r} is not a file name ({error}); give the path of a TOML file") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ProblemError(f"{path} is not UTF-8 text (line {line}, byte {error.start}); save it as UTF-8") from None
    try:
        return tomllib.loads(text.replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        cause = str(error).replace("\n", " ") if isinstance(error, tomllib.TOMLDecodeError) else "nested too deeply"
        raise ProblemError(f"{path} is not valid TOML: {cause}; correct that line") from None


def _nearest_file(path: Path) -> str:
    try:
        names = {entry.stem: entry for entry in path.parent.iterdir() if entry.suffix == ".toml"}
    except OSError:
        return f"nor does its directory {path.parent}; check the path"
    near = difflib.get_close_matches(path.stem, names, n=1)
    return f"did you mean {names[near[0]]}?" if near else "check the path"
