"""Problems on either side of a condition and on its boundary: what certificates are tried on.

The distance from the boundary is set with 60 digits (certificate_truth.py), or everything is a dyadic number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from tests.verify.certificate_truth import PHI, Truth, X
from verify.certificate import Subject

#: Relative distances from the boundary at which instances are put, on both sides.
ETAS = (1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1.1e-2, 2e-2, 5e-2)
CONDITIONS = ("sharp.condition", "baseline.condition", "dip2.amgm")


@dataclass(frozen=True)
class Case:
    """A problem near the boundary of one condition: `target` at the relative distance `eta`, before rounding of y."""

    family: str
    target: str
    eta: float
    subject: Subject


def placed(family: str, subject: Subject, target: str, eta: float, rng: np.random.Generator) -> Case:
    """The problem with y chosen so that the target's ratio is about that of rho_0 at (1 + eta) times the critical value."""
    truth = Truth(subject)
    u = rng.standard_normal(subject.p if subject.C is not None else subject.m)
    u = u if subject.C is None else subject.C @ u
    w = np.ones(subject.m) if subject.weights is None else subject.weights / subject.weights.min()
    u /= math.sqrt(float(w @ u**2))
    rho = truth.critical(target) * (1 + X.mpf(eta))
    start = truth.T(truth.g)
    y = np.array([float(start[i] - rho * X.mpf(float(u[i]))) for i in range(subject.m)])
    return Case(family, target, eta, replace(subject, y=y))


def operator(rng: np.random.Generator, rows: int, columns: int, spread: float) -> np.ndarray:
    """A matrix of full rank with condition number `spread`."""
    p = min(rows, columns)
    P, Q = (np.linalg.qr(rng.standard_normal((side, side)))[0] for side in (rows, columns))
    return (P[:, :p] * np.geomspace(1, 1 / spread, p)) @ Q[:, :p].T


def hadamard(k: int) -> np.ndarray:
    """k x k of ±1 with orthogonal rows, the first of them constant; k a power of 2."""
    H = np.ones((1, 1))
    while len(H) < k:
        H = np.block([[H, H], [H, -H]])
    return H


def _train(rng: np.random.Generator) -> str:
    return "W" if rng.random() < 0.35 else "both"


def _eta(rng: np.random.Generator) -> float:
    # twice as often on the wrong side
    return float(rng.choice(ETAS)) * (1 if rng.random() < 2 / 3 else -1)


def general(rng: np.random.Generator) -> Case:
    """Random numbers: all activations, shapes, weights, condition numbers up to 1e5, with and without a signal."""
    n, k = int(rng.integers(1, 6)), int(rng.integers(8, 49))
    shape = rng.choice(["m < n", "m = n", "m > n", "identity", "truncated"])
    m = {"m < n": max(1, n - int(rng.integers(1, 4))), "m > n": n + int(rng.integers(1, 4))}.get(shape, n)
    spread = 10 ** rng.uniform(0, 5)
    options: dict[str, Any] = {}
    if shape == "truncated":
        p, m = max(1, n - 1), n + 2
        options = {"R": operator(rng, p, n, 1.0), "C": operator(rng, m, p, spread)}
    elif shape != "identity":
        options = {"T": operator(rng, m, n, spread) * 10 ** rng.uniform(-2, 2)}
    if shape in ("m < n", "m = n", "identity") and rng.random() < 0.3:
        options["weights"] = rng.uniform(0.5, 4, m)
    if rng.random() < 0.4:
        options |= {"signal": rng.standard_normal(n), "scale": float(rng.choice([1.0, 0.5, 3.0]))}
    train, name = _train(rng), str(rng.choice([item for item in PHI if item != "identity"]))
    subject = Subject.of(
        a=rng.standard_normal(k) * rng.choice([0.3, 1.0, 2.0]),
        V=rng.standard_normal((n, k)) * 10 ** rng.uniform(-1, 1),
        y=np.zeros(m),
        activation=name,
        train=train,
        **options,
    )
    target = str(rng.choice(CONDITIONS if train == "both" else CONDITIONS[:2]))
    return placed("general", subject, target, _eta(rng), rng)


def zero(rng: np.random.Generator) -> Case:
    """a = 0, tanh or erf: phi(0) = 0, so sigma_0 comes from V alone and g = 0; V and T as random integers."""
    n, k = int(rng.integers(1, 5)), int(rng.integers(8, 33))
    m = int(rng.integers(1, n + 3))
    V, T = rng.integers(-9, 10, (n, k)), rng.integers(-4, 5, (m, n)) + 9 * np.eye(m, n)
    subject = Subject.of(
        a=np.zeros(k),
        V=V.astype(float),
        T=T,
        y=np.zeros(m),
        activation=str(rng.choice(["tanh", "erf"])),
        train=_train(rng),
    )
    return placed("zero", subject, str(rng.choice(CONDITIONS[:2])), _eta(rng), rng)


#: Dyadic numbers whose squares sum to the square of the last.
_TUPLES = (
    ((3.0, 4.0), 5.0),
    ((1.0, 2.0, 2.0), 3.0),
    ((2.0, 3.0, 6.0), 7.0),
    ((0.5, 1.0, 1.0), 1.5),
    ((1.5,), 1.5),
    ((3.0,), 3.0),
)


def exact(rng: np.random.Generator) -> Case:
    """Everything a dyadic number: Hadamard rows times dyadic numbers, a diagonal operator, y Pythagorean.

    V V' = k diag(s²), all columns of V of length c, T = diag(t), f = alpha (identity, a constant: V a = 0 as the rows sum to
    0) or 0 (sin). sqrt k = 2^j. With the identity Lambda = 1/sqrt k (both), with sin c/sqrt k (W), or 2/sqrt k (both, c = 3/2).
    y is the critical number times (1 + j 2^-52): j = 0 is *on* the boundary, where nothing holds and nothing may be proved.
    """
    name, train = [("identity", "both"), ("sin", "W"), ("sin", "both")][int(rng.integers(3))]
    choices = [
        item for item in _TUPLES if name == "identity" or (item[1] == 1.5 if train == "both" else len(item[0]) == 1)
    ]
    s, c = choices[int(rng.integers(len(choices)))]
    k = int(rng.choice([16, 64]))
    n = len(s)
    rows = rng.permutation(np.arange(1, k))[:n]
    V = hadamard(k)[rows] * np.array(s)[:, None]
    t = 2.0 ** rng.integers(-3, 4, n)
    alpha = float(rng.choice([0.5, 1.0, 2.0])) if name == "identity" else 0.0
    target = str(rng.choice(CONDITIONS)) if name == "identity" else CONDITIONS[0]
    subject = Subject.of(a=np.full(k, alpha), V=V, T=np.diag(t), y=np.zeros(n), activation=name, train=train)
    sigma = min(s) ** 2 + alpha**2 if train == "both" else min(s) ** 2
    root = math.sqrt(k)
    Lambda = {"identity": 1.0, "sin": c if train == "W" else 2.0}[name] / root
    capacity = {
        "sharp.condition": min(t) * sigma / (2 * Lambda),
        "baseline.condition": min(t) * sigma / (4 * Lambda),
        "dip2.amgm": min(t) * root * alpha**2,
    }[target]
    direction, size = {1: ((1.0,), 1.0), 2: ((3.0, 4.0), 5.0), 3: ((2.0, 3.0, 6.0), 7.0)}[n]
    # capacity/size is rounded unless size divides it: the ray is taken along one axis then
    if Fraction(capacity / size) * Fraction(size) != Fraction(capacity) or rng.random() < 0.5:
        direction, size = (1.0, *[0.0] * (n - 1)), 1.0
    j = int(rng.choice([0, 0, 1, 2, 4, -1, -2, -4, 2**20, -(2**20), 2**46, -(2**46)]))
    factor = 1 + j * 2.0**-52
    return Case("exact", target, j * 2.0**-52, replace(subject, y=np.array(direction) * (capacity / size) * factor))


FAMILIES: dict[str, Callable[[np.random.Generator], Case]] = {"exact": exact, "zero": zero, "general": general}


def cases(count: int, seed: int = 0) -> Iterator[Case]:
    """So many instances: a fifth exact, a fifth at a = 0, the rest general."""
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        yield FAMILIES[("exact", "zero", "general", "general", "general")[i % 5]](rng)
