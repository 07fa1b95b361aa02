"""The data of a problem: files read at the door, noise drawn or described, weights, projection on the range of T."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from numerics.bound import Bound, exact, upper
from numerics.operators import CompactSVD
from numerics.rigorous import norm_upper
from numerics.signals import as_signal, read_array
from verify.spec import ProblemSpec
from verify.tables import ProblemError, one_line, with_remedy

Array = NDArray[np.float64]
Noise = tuple[Array | None, Bound | None]


def child_generator(seed: int, name: str) -> np.random.Generator:
    """The generator of everything called `name` under `seed`: independent of the generators of other names.

    >>> child_generator(0, "noise").random() == child_generator(0, "noise").random()
    True
    >>> child_generator(0, "noise").random() == child_generator(0, "W").random()
    False
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=tuple(name.encode()))))


def weights_of(spec: ProblemSpec, m: int) -> Array | None:
    """The positive weights of the loss, (m,), or None if it has none."""
    given = spec.loss
    if given.weights is None and given.file is None:
        return None
    with says("loss"):
        if isinstance(given.weights, float | int):
            return np.full(m, float(given.weights))
        source = given.weights
        weights = (as_signal(source, "weights") if source is not None else from_file(spec, given.file)).ravel()
        if weights.size != m:
            raise ValueError(f"has {weights.size} weights but the data have {m} entries; give one weight per entry")
        if weights.min() <= 0:
            worst = int(np.argmin(weights))
            raise ValueError(f"weight {worst} is {weights[worst]}; weights must be positive")
    return weights


def noise_of(spec: ProblemSpec, clean: Array | None, m: int, shape: tuple[int, ...]) -> Noise:
    """The noise vector and its norm, each as far as it is known, before any projection."""
    given = spec.noise
    if given is None:
        # Simulated data without [noise] are exact; measured data have noise that nobody knows.
        return (np.zeros(m), exact(0.0, "data without noise")) if clean is not None else (None, None)
    if given.values is not None or given.file is not None:
        with says("noise"):
            source = given.values
            vector = (as_signal(source, "values") if source is not None else from_file(spec, given.file)).ravel()
            if vector.size != m:
                raise ValueError(
                    f"the noise has {vector.size} entries but the data have {m} (shape {tuple(shape)}); "
                    f"give {m} entries, or level or relative to have it drawn"
                )
        return vector, upper(norm_upper(vector), "norm of the given noise vector")
    if clean is None:
        assert given.norm is not None
        return None, exact(given.norm, "given as [noise] norm")
    draw = child_generator(spec.seed, "noise").standard_normal(m)
    if given.norm is not None:
        vector = draw * (given.norm / np.linalg.norm(draw))
    elif given.level is not None:
        vector = draw * given.level
    else:
        assert given.relative is not None
        vector = draw * (given.relative * float(np.linalg.norm(clean)) / math.sqrt(m))
    return vector, upper(norm_upper(vector), "norm of the drawn noise vector")


def project(y: Array, svd: CompactSVD, weights: Array | None, notes: list[str]) -> tuple[Array, float]:
    """`y` projected on Im T = span(P), orthogonally in the metric of the loss, and the norm of what was removed.

    With weights w the minimiser of Σ w_i (v_i − y_i)² over v ∈ Im T is Πy with Π = P (PᵀWP)^{-1} PᵀW; since
    TᵀW(y − Πy) = 0 the gradient flow for Πy is the flow for y, so nothing but the constant min L is lost.
    """
    m = y.size
    if svd.rank == m:
        return y, 0.0
    assert svd.P is not None  # it is None for invertible operators only
    if weights is None:
        projection = svd.project(y)
    else:
        root = np.sqrt(weights)
        projection = svd.P @ np.linalg.lstsq(root[:, None] * svd.P, root * y, rcond=None)[0]
    removed = float(np.linalg.norm(y - projection))
    if removed <= 1e-13 * math.sqrt(m) * float(np.linalg.norm(y)):
        # Rounding, not data: y is in the range as well as doubles can tell.
        return projection, 0.0
    metric = "" if weights is None else " (in the metric of the weights)"
    notes.append(
        f"The data were projected on the range of the operator (dimension {svd.rank} of {m}){metric}: "
        f"a part of norm {removed:.6g} ({removed / float(np.linalg.norm(y)):.2%} of the data) was removed."
    )
    return projection, removed


def projected_noise(
    y: Array,
    clean: Array | None,
    noise: Array | None,
    norm: Bound | None,
    svd: CompactSVD,
    weights: Array | None,
    notes: list[str],
    removed: float = 0.0,
) -> Noise:
    """ε for the projected data: y − A x̄ when the truth is known, Πε or a bound of its norm otherwise.

    `removed`: norm of y − Πy if that can only be noise (the operator is the user's own, not a truncated one), else 0.
    """
    if clean is not None:
        vector = y - clean
        how = "norm of (projected data − A x̄)"
        return vector, upper(norm_upper(vector), how)
    if noise is not None:
        vector, _ = project(noise, svd, weights, [])
        return vector, upper(norm_upper(vector), "norm of the projected noise vector")
    if norm is None:
        return None, None
    if weights is None:
        known = norm.as_upper()
        if removed > known * (1 + 1e-9):
            raise ProblemError(
                f"[noise] norm = {known:g}, but a part of norm {removed:.6g} of the data is outside the range of the operator "
                "and can only be noise; give a norm of at least that, or check the operator and the data"
            )
        # ‖ε‖² = ‖Πε‖² + ‖y − Πy‖²; the last factor covers the rounding of what was removed.
        rest = math.sqrt(max(known**2 - (removed * (1 - 1e-9)) ** 2, 0.0)) * (1 + 1e-15)
        return None, upper(min(rest, known), "given norm, less what the orthogonal projection removed")
    # ‖Πε‖_W ≤ ‖ε‖_W, hence ‖Πε‖ ≤ √(max w / min w) ‖ε‖.
    factor = math.sqrt(float(weights.max()) / float(weights.min()))
    notes.append(f"The projection is not orthogonal: the noise norm is bounded by {factor:.6g} times the one given.")
    return None, upper(norm.as_upper() * factor * (1 + 1e-15), "given norm times √(max w / min w)")


def from_file(spec: ProblemSpec, name: str | None) -> Array:
    """The finite numbers in a file named by the specification."""
    assert name is not None
    return as_signal(read_array(spec.base / name), str(spec.base / name))


def located(thing: Any, base: Path) -> Any:
    """The item with its file names, and those of its parts, taken relative to the problem file."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(thing):
        value = getattr(thing, field.name)
        if field.name == "file" and isinstance(value, str):
            changes["file"] = str(base / value)
        elif field.name == "parts":
            changes["parts"] = tuple(located(part, base) for part in value)
    return dataclasses.replace(thing, **changes) if changes else thing


@contextmanager
def says(table: str) -> Iterator[None]:
    """Whatever a library complains about, as one line that names the table of the problem file."""
    try:
        yield
    except ProblemError:
        raise
    except (ValueError, TypeError, OSError, np.linalg.LinAlgError) as error:
        _complain(table, one_line(error))
    except MemoryError as error:
        _complain(table, f"does not fit in memory ({one_line(error) or 'no details'}); make the problem smaller")


def _complain(table: str, message: str) -> NoReturn:
    raise ProblemError(with_remedy(message, table)) from None
