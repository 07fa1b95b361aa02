"""What a certificate is about: the doubles of one problem and the name of its network, operator and loss.

The operator is T = C R, C (m × p) of full column rank or absent (the identity), R (p × n) of full row rank or absent. The
doubles are the problem: nothing is said about where they came from.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.activations import CompiledActivation, activation
from numerics.networks.two_layer import TwoLayer
from verify.problem import Problem
from verify.recheck import ACTIVATIONS as KNOWN
from verify.tables import ProblemError

Array = NDArray[np.float64]

LOSSES = ("least_squares", "weighted_least_squares")


@dataclass(frozen=True, eq=False)
class Subject:
    """One problem at one point θ = (a, V).

    a: shape (k,). V: shape (k, n), the output weights v_i as *rows* (V' of the theory: so that neurons can be streamed).
    R: shape (p, n) or None. C: shape (m, p) or None. y: shape (m,). weights: shape (m,) or None. signal: x̄, shape (n,), or
    None if it is not known. activation, train, loss: names. scale: s in x = s g(θ).
    """

    a: Array
    V: Array
    R: Array | None
    C: Array | None
    y: Array
    weights: Array | None = None
    signal: Array | None = None
    activation: str = "tanh"
    train: str = "both"
    scale: float = 1.0
    origin: dict[str, Any] = field(default_factory=dict)
    """Where the doubles come from, in plain data: not part of the problem, and nothing rests on it."""

    @classmethod
    def of(
        cls,
        a: ArrayLike,
        V: ArrayLike,
        y: ArrayLike,
        T: ArrayLike | None = None,
        *,
        R: ArrayLike | None = None,
        C: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        signal: ArrayLike | None = None,
        activation: str = "tanh",
        train: str = "both",
        scale: float = 1.0,
    ) -> Subject:
        """From arrays in the shapes of the theory: V (n × k), and T (m × n) or its factors C (m × p), R (p × n).

        Everything is checked (:func:`verify.certificate.checkpoint.checked`); ProblemError says what is wrong.
        """
        from .checkpoint import checked

        given = {"a": a, "V": V, "T": T, "R": R, "C": C, "y": y, "weights": weights, "signal": signal}
        return checked(
            {name: np.asarray(array) for name, array in given.items() if array is not None},
            activation=activation, train=train, scale=scale,
            loss="least_squares" if weights is None else "weighted_least_squares", what="the problem",
        )  # fmt: skip

    # --- sizes
    @property
    def k(self) -> int:
        """Width."""
        return int(self.a.size)

    @property
    def n(self) -> int:
        """Entries of the network's output."""
        return int(self.V.shape[1])

    @property
    def p(self) -> int:
        """Rank of the operator."""
        if self.R is not None:
            return int(self.R.shape[0])
        return self.n if self.C is None else int(self.C.shape[1])

    @property
    def m(self) -> int:
        """Entries of the data."""
        return int(self.y.size)

    # --- what the doubles mean
    @property
    def loss(self) -> str:
        """The name of the loss."""
        return LOSSES[0] if self.weights is None else LOSSES[1]

    @property
    def w_min(self) -> float:
        """The smallest weight, 1 for least squares."""
        return 1.0 if self.weights is None else float(self.weights.min())

    @cached_property
    def phi(self) -> CompiledActivation:
        """The activation as a function of arrays."""
        return activation(self.activation)

    @cached_property
    def enclosed(self) -> tuple[Array, Array, Array, Array]:
        """φ(a), its error, φ'(a), its error, proved by Arb; all of shape (k,)."""
        return (*self.phi.enclose_phi(self.a), *self.phi.enclose_dphi(self.a))

    def network(self) -> TwoLayer:
        """The network at θ."""
        return TwoLayer(self.phi, self.train, self.a, np.ascontiguousarray(self.V.T))  # type: ignore[arg-type]

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """The arrays that are there, by the names of the file."""
        for name in ("a", "V", "R", "C", "y", "weights", "signal"):
            array = getattr(self, name)
            if array is not None:
                yield name, array

    def at(self, a: Array, V: Array | None, origin: dict[str, Any]) -> Subject:
        """The same problem from other parameters: a (k,), V (k × n) or None to keep it."""
        kept = self.V if V is None else np.ascontiguousarray(V)
        return replace(self, a=np.ascontiguousarray(a), V=kept, origin={**self.origin, **origin})

    def to_json(self) -> dict[str, Any]:
        """The table "problem" of a certificate."""
        return {
            "network": "two_layer",
            "activation": self.activation,
            "train": self.train,
            "loss": self.loss,
            "scale": float(self.scale).hex(),
            "arrays": {name: entry(array) for name, array in self.arrays()},
        }

    @cached_property
    def problem_id(self) -> str:
        """SHA-256 of the canonical JSON of :meth:`to_json`."""
        return identity(self.to_json())


def entry(array: Array) -> dict[str, Any]:
    """Shape and SHA-256 of the little-endian bytes in C order: what the JSON file says about an array."""
    data = np.ascontiguousarray(array, dtype="<f8")
    return {"shape": list(array.shape), "sha256": hashlib.sha256(data.reshape(-1).view(np.uint8).data).hexdigest()}


def identity(problem: dict[str, Any]) -> str:
    """SHA-256 of a table in canonical JSON: sorted keys, no spaces."""
    return hashlib.sha256(json.dumps(problem, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def certifiable(name: str, where: str) -> None:
    """ProblemError for an activation that the checker does not know (ReLU: φ' has no Lipschitz constant)."""
    if name not in KNOWN:
        raise ProblemError(
            f"{where} = {name!r} cannot be certified: the theorems need a smooth activation; use one of {', '.join(KNOWN)}"
        )


def of_problem(problem: Problem) -> Subject:
    """The subject of a problem file at its initialization."""
    certifiable(problem.network.activation.name, "[network] activation")
    weights = problem.loss.weights if problem.loss.name == LOSSES[1] else None
    R, C = operator_of(problem)
    if C is not None and weights is not None:
        raise ProblemError(
            'weighted least squares cannot be certified for more data than unknowns: use [loss] kind = "least_squares", or '
            "measure at most as many numbers as the network puts out"
        )
    with_signal = problem.truth is not None and problem.synthesis is None
    network = problem.network
    return Subject(
        a=network.a,
        V=np.ascontiguousarray(network.V.T),
        R=R,
        C=C,
        y=np.ascontiguousarray(problem.y, dtype=np.float64),
        weights=weights,
        signal=np.ascontiguousarray(problem.truth, dtype=np.float64) if with_signal else None,
        activation=network.activation.name,
        train=network.train,
        scale=float(problem.output_scale),
        origin={"title": problem.title, "problem_hash": problem.spec.hash(), "seed": problem.seed},
    )


def operator_of(problem: Problem) -> tuple[Array | None, Array | None]:
    """(R, C) of a problem: the stored matrix is R where it is onto, C where it is injective; both factors if truncated."""
    T = np.ascontiguousarray(problem.forward, dtype=np.float64)
    m, n = T.shape
    if problem.svd.truncated:
        U = problem.svd.U
        assert U is not None  # P and U belong to every truncated decomposition
        return np.ascontiguousarray(U.T), np.ascontiguousarray(problem.svd.core())
    return (T, None) if m <= n else (None, T)
