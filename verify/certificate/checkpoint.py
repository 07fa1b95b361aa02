"""Parameters from elsewhere: a .npz file (or a dictionary of arrays) with a network, an operator and data.

The arrays: a (k,), V (n × k), y (m,), and the operator as T (m × n) or as its factors R (p × n) of full row rank and C
(m × p) of full column rank, each of them absent if it is the identity; optionally weights (m,), signal (n,), scale (a
number). Texts: activation, train ("both" or "W"), loss. float32 arrays are converted, exactly.
"""

from __future__ import annotations

import math
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from theory.activations import ACTIVATIONS
from verify.tables import ProblemError, one_line, suggest

from .subject import LOSSES, Subject, certifiable

Array = NDArray[np.float64]

ARRAYS = ("a", "V", "T", "C", "R", "y", "weights", "signal")
TEXTS = {"activation": "tanh", "train": "both", "loss": LOSSES[0]}
_HOW = "save it with numpy.savez(FILE, a=..., V=..., T=..., y=..., activation='tanh', train='both')"


def read_checkpoint(path: Path | str) -> Subject:
    """The subject in a .npz file; ProblemError says what is missing or wrong."""
    path = Path(path)
    found = _load(path)
    scale = found.pop("scale", np.float64(1.0))
    if np.size(scale) != 1 or np.asarray(scale).dtype.kind not in "fiu":
        raise ProblemError(f"{path}: scale must be one number, the s in x = s g(theta); it has shape {np.shape(scale)}")
    texts = dict(TEXTS)
    for name in TEXTS:
        if name in found:
            value = np.asarray(found.pop(name))
            if value.dtype.kind not in "US" or value.size != 1:
                raise ProblemError(f"{path}: {name} must be a text, such as {TEXTS[name]!r}")
            try:
                text = value.reshape(-1)[0]
            except ValueError:  # 32 bits that are no character
                raise ProblemError(f"{path}: {name} must be a text, such as {TEXTS[name]!r}") from None
            texts[name] = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return checked(found, **texts, scale=float(np.asarray(scale).reshape(-1)[0]), what=str(path))


def _load(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a .npz file by their names; ProblemError, in words, for every other file."""
    if not os.path.isfile(path):  # unlike Path.is_file, no error for a name that is too long or not accessible
        raise ProblemError(f"{path} is not a file" if os.path.exists(path) else f"{path} does not exist")

    def bad(why: str) -> ProblemError:
        return ProblemError(f"{path} is not a readable .npz file of arrays: {why}; {_HOW}")

    try:
        with open(path, "rb") as stream:
            archive = stream.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
        if not archive:
            raise bad("it is no .npz archive (a zip file of arrays)")
        with open(path, "rb") as stream:
            data = np.load(stream, allow_pickle=False)
            if not isinstance(data, NpzFile):
                raise bad("it is no .npz archive (a zip file of arrays)")
            with data:
                if len(set(data.files)) != len(data.files):
                    raise bad("an array occurs twice")
                found = {name: data[name] for name in data.files}
    except ProblemError:
        raise
    except Exception as error:  # of zipfile, its decompressors or NumPy's reader of headers: the file is at fault
        raise bad(_why(error)) from None
    for name, array in found.items():
        if not isinstance(array, np.ndarray):  # a member that is no .npy file is handed out as bytes
            raise bad(f"its member {name!r} is no array")
    return found


def _why(error: Exception) -> str:
    """What is wrong with an archive that could not be loaded."""
    said = one_line(error)
    if isinstance(error, MemoryError | OverflowError):
        return "it declares an array that does not fit in memory"
    if isinstance(error, NotImplementedError):
        return f"it is compressed or encrypted in a way that is not known here ({said})"
    if isinstance(error, RuntimeError) and "encrypted" in said:
        return "it is encrypted"
    if "pickle" in said:
        return "it holds Python objects, which are never loaded"
    if isinstance(error, zlib.error | zipfile.BadZipFile | EOFError):
        return f"it is damaged or cut short ({said or type(error).__name__})"
    return said or type(error).__name__


def checked(
    arrays: Mapping[str, NDArray[Any]], *, activation: str, train: str, loss: str, scale: float, what: str
) -> Subject:
    """A subject from arrays in the shapes of the theory, every one of them checked."""

    def bad(text: str) -> ProblemError:
        return ProblemError(f"{what}: {text}")

    unknown = [name for name in arrays if name not in ARRAYS]
    if unknown:
        raise bad(f"unknown array {unknown[0]!r}; {suggest(unknown[0], ARRAYS)}")
    for name in ("a", "V", "y"):
        if name not in arrays:
            raise bad(f"the array {name} is missing; {_HOW}")
    if "T" in arrays and ("C" in arrays or "R" in arrays):
        raise bad("give the operator either as T or by its factors C and R, not both")
    if activation not in ACTIVATIONS:
        raise bad(f"unknown activation {activation!r}; {suggest(activation, ACTIVATIONS)}")
    certifiable(activation, f"{what}: activation")
    if train not in ("both", "W"):
        raise bad(f"train = {train!r}; it must be 'both' (a and V move) or 'W' (only a moves)")
    if loss not in LOSSES:
        raise bad(f"loss = {loss!r} cannot be certified; it must be {' or '.join(LOSSES)}")
    if not 0 < scale < math.inf:
        raise bad(f"scale = {scale}; it must be a positive number")
    numbers = {name: _numbers(name, array, 2 if name in "VTCR" else 1, bad) for name, array in arrays.items()}
    a, V, y = numbers["a"], numbers["V"], numbers["y"]
    k, n, m = a.size, V.shape[0], y.size
    if V.shape[1] != k:
        turned = "; it looks transposed" if V.shape[0] == k else ""
        raise bad(f"V has shape {V.shape}; with a of shape ({k},) it must be (n, {k}){turned}")
    R, C = _factors(numbers, n, m, bad)
    weights, signal = numbers.get("weights"), numbers.get("signal")
    if (loss == LOSSES[1]) != (weights is not None):
        raise bad("weights and loss = 'weighted_least_squares' belong together; give both or none")
    if weights is not None:
        if weights.shape != (m,) or not (weights > 0).all():
            raise bad(f"weights must be {m} positive numbers, one for each entry of y")
        if C is not None:
            raise bad(
                "weighted least squares cannot be certified for an operator with a factor C (more data than unknowns)"
            )
    if signal is not None and signal.shape != (n,):
        raise bad(f"signal has {signal.size} entries, but the network puts out n = {n}")
    return Subject(
        a, np.ascontiguousarray(V.T), R, C, y, weights, signal, activation, train, scale, {"source": "checkpoint"}
    )


def _numbers(name: str, array: NDArray[Any], ndim: int, bad: Any) -> Array:
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        raise bad(f"{name} has dtype {array.dtype}; real numbers in single or double precision are needed")
    if array.ndim != ndim or array.size == 0:
        raise bad(
            f"{name} has shape {array.shape}; it must have {ndim} ax{'es' if ndim > 1 else 'is'} and not be empty"
        )
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and np.abs(array.astype(float)).max() > 2.0**53:
        raise bad(f"{name} holds integers that are no doubles; convert it to float64 before")
    result = np.ascontiguousarray(array, dtype=np.float64)
    if not np.isfinite(result).all():
        raise bad(f"{name} contains NaN or infinity; remove them first")
    return result


def _factors(numbers: Mapping[str, Array], n: int, m: int, bad: Any) -> tuple[Array | None, Array | None]:
    """(R, C) with the shapes that fit n outputs and m data."""
    R, C, T = numbers.get("R"), numbers.get("C"), numbers.get("T")
    if T is not None:
        if T.shape != (m, n):
            turned = "; it looks transposed" if T.shape == (n, m) else ""
            raise bad(f"T has shape {T.shape}; with {n} outputs and {m} data it must be ({m}, {n}){turned}")
        R, C = (T, None) if m <= n else (None, T)
    p = n if R is None else R.shape[0]
    if R is not None and R.shape[1] != n:
        raise bad(f"R has shape {R.shape}; with {n} outputs it must be (p, {n})")
    if R is not None and p > n:
        raise bad(f"R has shape {R.shape}: it cannot have full row rank; give it as C, or factor it as T = C R")
    if C is not None and (C.shape != (m, p) or p > m):
        raise bad(f"C has shape {C.shape}; it must be ({m}, {p}) with at least as many rows as columns")
    if C is None and m != p:
        raise bad(f"y has {m} entries but the operator gives {p}; give T (m x n), or R and C that fit")
    return R, C
