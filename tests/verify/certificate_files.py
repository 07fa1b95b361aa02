"""Certificates as files that can be taken apart and put together again, and honest ones of every kind."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from verify import recheck
from verify.certificate import Certificate, Subject, certify

Array = np.ndarray


def entry(array: Array) -> dict[str, Any]:
    """What the JSON file says about an array."""
    return {
        "shape": list(array.shape),
        "sha256": hashlib.sha256(np.ascontiguousarray(array, "<f8").tobytes()).hexdigest(),
    }


def identity(problem: Any) -> str:
    """The problem id of a table."""
    return hashlib.sha256(json.dumps(problem, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def member(array: Array, version: tuple[int, int] = (1, 0)) -> bytes:
    """An array as it lies in an npz file."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, version=version)
    return stream.getvalue()


@dataclass
class Files:
    """The JSON document and the arrays by their names in the npz file (witnesses with the prefix w_)."""

    document: dict[str, Any]
    arrays: dict[str, Array]

    @classmethod
    def of(cls, certificate: Certificate) -> Files:
        """From a certificate."""
        arrays = dict(certificate.subject.arrays())
        arrays |= {f"w_{name}": np.asarray(array, dtype="<f8") for name, array in certificate.witnesses.items()}
        return cls(json.loads(json.dumps(certificate.to_json("cert.npz"))), arrays)

    def copy(self) -> Files:
        """To be changed."""
        return Files(copy.deepcopy(self.document), {name: array.copy() for name, array in self.arrays.items()})

    # --- access
    @property
    def report(self) -> recheck.Report:
        """What the checker says."""
        with tempfile.TemporaryDirectory() as folder:
            return recheck.check(str(self.write(Path(folder))))

    @property
    def problem(self) -> dict[str, Any]:
        """The table "problem"."""
        return self.document["problem"]

    def obligation(self, kind: str) -> dict[str, Any]:
        """The obligation of a kind."""
        return next(item for item in self.document["obligations"] if item["kind"] == kind)

    def claim(self, statement: str) -> dict[str, Any]:
        """The claim of a statement."""
        return next(item for item in self.document["claims"] if item["statement"] == statement)

    # --- repair
    def fix(self) -> Files:
        """All shapes, hashes and the problem id made right again."""
        self.problem["arrays"] = {name: entry(x) for name, x in self.arrays.items() if not name.startswith("w_")}
        self.document["witnesses"] = {name[2:]: entry(x) for name, x in self.arrays.items() if name.startswith("w_")}
        self.document["problem_id"] = identity(self.problem)
        return self

    # --- files
    def members(self) -> dict[str, bytes]:
        """The npz file, member by member."""
        return {f"{name}.npy": member(np.ascontiguousarray(array)) for name, array in self.arrays.items()}

    def write(self, folder: Path, members: dict[str, bytes] | None = None) -> Path:
        """Both files."""
        with zipfile.ZipFile(folder / "cert.npz", "w", zipfile.ZIP_STORED) as file:
            for name, raw in (self.members() if members is None else members).items():
                file.writestr(name, raw)
        (folder / "cert.json").write_text(json.dumps(self.document))
        return folder / "cert.json"


@dataclass(frozen=True)
class Attempt:
    """Two files (None: it is not there), the name of the second, and what the user asks for: an id, or the user's own arrays."""

    what: str
    json: bytes | None
    npz: bytes | None
    expect: str | None = None
    data: bytes | None = None
    name: str = "cert.npz"


def pack(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file; the same name may occur twice."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, raw in members:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            if name in file.NameToInfo:
                del file.NameToInfo[name]  # no warning: it is meant
            file.writestr(info, raw)
    return stream.getvalue()


def attempt(what: str, files: Files, members: Any = None, **rest: Any) -> Attempt:
    """From a changed document and its arrays."""
    found = files.members() if members is None else members
    text = json.dumps(files.document).encode()
    return Attempt(what, text, pack(list(found.items()) if isinstance(found, dict) else found), **rest)


def changed(files: Files, what: str, change: Callable[[Files], Any], fix: bool = False, **rest: Any) -> Attempt:
    """An attempt by a change of a copy."""
    other = files.copy()
    change(other)
    return attempt(what, other.fix() if fix else other, **rest)


def place(document: Any, path: tuple[Any, ...]) -> Any:
    """What lies at a path of keys."""
    for key in path:
        document = document[key]
    return document


class Box:
    """A folder in which attempts are checked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, attempt: Attempt) -> list[str]:
        """Write the files; the arguments of the checker."""
        for path in self.folder.iterdir():
            path.unlink()
        for name, raw in ((attempt.name, attempt.npz), ("cert.json", attempt.json), ("original.npz", attempt.data)):
            if raw is not None:
                (self.folder / name).write_bytes(raw)
        arguments = [str(self.folder / "cert.json")]
        arguments += [] if attempt.expect is None else [f"--expect={attempt.expect}"]
        return arguments + ([] if attempt.data is None else ["--data", str(self.folder / "original.npz")])

    def check(self, attempt: Attempt) -> recheck.Report:
        """The report of the checker, in this process."""
        arguments = self.put(attempt)
        return recheck.check(arguments[0], attempt.expect, arguments[-1] if attempt.data is not None else None)


def refused(report: recheck.Report) -> bool:
    """Whether nothing is confirmed: rejected, unreadable, or all that is left is UNKNOWN."""
    return report.code in (1, 2) or (report.code == 3 and report.verdict == "UNKNOWN")


def _subject(
    m: int, n: int, k: int, noise: float, seed: int, *, signal: bool = False, weights: bool = False, **options: Any
) -> Subject:
    rng = np.random.default_rng(seed)
    a, V = rng.standard_normal(k), rng.standard_normal((n, k)) / np.sqrt(n)
    T = rng.standard_normal((m, n)) / np.sqrt(max(m, n)) + 0.5 * np.eye(m, n)
    g = V @ np.tanh(a) / np.sqrt(k)
    truth = g + noise * rng.standard_normal(n)
    return Subject.of(
        a=a,
        V=V,
        T=T,
        y=T @ truth,
        signal=truth if signal else None,
        weights=rng.uniform(1, 2, m) if weights else None,
        **options,
    )


def _truncated() -> Subject:
    rng = np.random.default_rng(5)
    plain = _subject(4, 6, 400, 0.02, 5)
    R = np.linalg.qr(rng.standard_normal((6, 4)))[0].T
    C = rng.standard_normal((8, 4))
    return Subject.of(
        a=plain.a,
        V=plain.V.T,
        R=R,
        C=C,
        y=C @ (R @ (plain.V.T @ np.tanh(plain.a)) / 20) + 0.02,
        scale=0.5,
        signal=rng.standard_normal(6),
    )


@cache
def honest() -> dict[str, Files]:
    """Certificates of every kind, by name; each is confirmed (the tests say so)."""
    start = {
        "sharp": _subject(3, 5, 300, 0.02, 1),
        "kernel": _subject(3, 5, 400, 0.02, 2, signal=True),
        "recovery": _subject(7, 4, 2000, 0.004, 3, signal=True),
        "refuted": _subject(3, 5, 40, 5.0, 4),
        "W": _subject(3, 5, 400, 0.02, 5, train="W", activation="erf"),
        "weighted": _subject(3, 5, 400, 0.02, 6, weights=True),
        "truncated": _truncated(),
    }
    found = {name: Files.of(certify(subject, at="start", level=1e-4)) for name, subject in start.items()}
    found["restart"] = Files.of(certify(_subject(2, 3, 80, 12.0, 7), at="best", max_time=60))
    return found
