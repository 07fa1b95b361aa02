"""A certificate as an object, and as two files that appear together or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import secrets
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.recheck import ASSUMPTIONS, STATEMENTS
from verify.tables import ProblemError

from .claims import CONVERGENCE
from .parts import Claim, Obligation, Verdict
from .subject import Subject, entry, identity

Array = NDArray[np.float64]

SCHEMA = "dipcert.certificate/1"
_LIMIT = 1900  # characters of a text in the file


@dataclass(frozen=True, eq=False)
class Certificate:
    """What is claimed about one subject, with the obligations and witnesses that prove it."""

    subject: Subject
    claims: tuple[Claim, ...]
    obligations: tuple[Obligation, ...]
    witnesses: Mapping[str, Array]
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Untrusted: where the parameters come from (the time of the run, the file)."""

    @property
    def problem_id(self) -> str:
        """SHA-256 of the problem: its names and the hashes of its arrays."""
        return self.subject.problem_id

    @property
    def verdict(self) -> Verdict:
        """PROVED if a claim of convergence is; else what is known about the sharp condition."""
        words = {claim.statement: claim.verdict for claim in self.claims if claim.statement in CONVERGENCE}
        if "PROVED" in words.values():
            return "PROVED"
        if "sharp.condition" in words:
            return words["sharp.condition"]
        return "REFUTED" if words and set(words.values()) == {"REFUTED"} else "UNKNOWN"

    def claim(self, statement: str) -> Claim | None:
        """The claim of this statement."""
        return next((claim for claim in self.claims if claim.statement == statement), None)

    def to_json(self, data: str = "cert.npz") -> dict[str, Any]:
        """The contents of the JSON file; `data`: the name of the file with the arrays."""
        problem = self.subject.to_json()
        return {
            "schema": SCHEMA,
            "problem": problem,
            "problem_id": identity(problem),
            "data": data,
            "witnesses": {name: entry(array) for name, array in self.witnesses.items()},
            "obligations": [item.to_json() for item in self.obligations],
            "claims": [_claim(claim) for claim in self.claims],
            "assumptions": list(ASSUMPTIONS),
            "verdict": self.verdict,
            "origin": {name: _text(value) for name, value in self.origin.items()},
            "environment": {name: version(name) for name in ("dipcert", "numpy", "scipy", "python-flint")}
            | {"python": platform.python_version()},
        }

    def write(self, path: Path | str) -> tuple[Path, Path]:
        """Write ``path`` (….json) and the arrays beside it (….npz); ProblemError if a file there is no certificate.

        Both are written to hidden siblings first. The data get a name of their own on the way, so that whatever moment
        the machine stops at, a JSON file there belongs to the arrays that it names or is rejected by its hashes.
        """
        check_place(Path(path))
        target = place(Path(path))
        data = target.with_suffix(".npz")
        tag = f"{os.getpid()}.{secrets.token_hex(3)}"
        parts = (target.with_name(f".{target.name}.{tag}.part"), target.with_name(f".{data.name}.{tag}.part"))
        arrays = dict(self.subject.arrays()) | {f"w_{name}": array for name, array in self.witnesses.items()}
        text = json.dumps(self.to_json(data.name), indent=1, ensure_ascii=True, allow_nan=False) + "\n"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_arrays(parts[1], arrays)
            parts[0].write_text(text, encoding="ascii")
            _replace_pair(parts, (target, data))
        except OSError as error:
            raise ProblemError(
                f"{path} could not be written ({(error.strerror or str(error)).lower()}); choose another place with --out"
            ) from None
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
        return target, data


def place(path: Path) -> Path:
    """Where a certificate goes: through a link, to the file that it names, with the arrays beside that file."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _replace_pair(parts: tuple[Path, Path], targets: tuple[Path, Path]) -> None:
    """Put both in place. An earlier JSON file goes first: at no moment does a JSON file stand beside foreign arrays.

    If a step fails, the earlier pair is put back.
    """
    moved: list[tuple[Path, Path]] = []
    try:
        for part, target in zip(parts, targets, strict=True):
            if target.exists():
                aside = target.with_name(part.name + ".old")
                target.replace(aside)
                moved.append((aside, target))
        parts[1].replace(targets[1])
        parts[0].replace(targets[0])
    except BaseException:
        for aside, target in reversed(moved):
            aside.replace(target)
        raise
    for aside, _ in moved:
        aside.unlink(missing_ok=True)


def check_place(path: Path) -> None:
    """ProblemError, before anything is computed, if a certificate must not be written there."""
    from verify.commands.guard import check_place as writable

    path = place(path)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}", path.stem):
        raise ProblemError(
            f"{path}: use letters, digits, dots, dashes and underscores only in the name of a certificate, at most 200"
        )
    near = next(above for above in path.absolute().parents if above.exists())
    writable(path if near == path.absolute().parent else near / path.name, (".json",))
    data = path.with_suffix(".npz")
    if data.is_dir():
        raise ProblemError(f"{data} is a directory; choose another name with --out")
    if path.exists() and not is_certificate(path):
        raise ProblemError(f"{path} exists and is no certificate, so it is left alone; choose another name with --out")
    if data.exists() and not path.exists():
        raise ProblemError(
            f"{data} exists and belongs to no certificate {path.name}, so it is left alone; choose another name with --out"
        )


def is_certificate(path: Path) -> bool:
    """Whether the file says of itself that it is one."""
    try:
        with path.open("rb") as stream:
            data = json.loads(stream.read(1 << 22).decode("utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(data, dict) and str(data.get("schema", "")).startswith("dipcert.certificate/")


def write_arrays(path: Path, arrays: Mapping[str, Array]) -> None:
    """An uncompressed npz: members <f8, C order, format 1.0, with a fixed date, so that equal arrays give equal files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            data = np.ascontiguousarray(array, dtype="<f8")
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            with archive.open(info, "w", force_zip64=data.nbytes > 1 << 31) as stream:
                header = np.lib.format.header_data_from_array_1_0(data)
                np.lib.format.write_array_header_1_0(stream, header)
                view = data.reshape(-1).view(np.uint8).data
                for start in range(0, len(view), 1 << 24):
                    stream.write(view[start : start + (1 << 24)])


def _claim(claim: Claim) -> dict[str, Any]:
    """A claim as in the file."""
    known = STATEMENTS[claim.statement]
    head = {
        "statement": claim.statement,
        "text": known,
        "text_sha256": hashlib.sha256(known.encode()).hexdigest(),
        "verdict": claim.verdict,
    }
    if claim.verdict == "UNKNOWN":
        return head | {"reason": _text(claim.reason), "failed": _text(claim.failed), "help": _text(claim.help)}
    return head | {"uses": list(claim.uses), "conclusions": claim.numbers()}


def _text(value: Any) -> str:
    """A text of bounded length."""
    return str(value)[:_LIMIT]
