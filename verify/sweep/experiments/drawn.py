"""Instances for sweeps: operator, signal and noise are drawn, the rest is built as for ``dipcert run``."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from numerics.activations import activation
from numerics.door import integer, number
from numerics.initialization import entry_distribution
from numerics.phase.experiment import frame
from verify.instance import Instance
from verify.problem import build, parse

__all__ = ["Sizes", "check", "drawn"]


class Sizes(Protocol):
    """What an instance is drawn from.

    n, m, k: entries of the signal and of the data, width.  train: "both" layers or "W".  kappa: condition number of A, whose
    singular values are evenly spaced in the logarithm from 1 down; None: Gaussian A of variance 1/n.  noise: ‖ε‖/‖A x̄‖.
    activation, V: names of φ and of the law of V's entries.
    """

    @property
    def n(self) -> int: ...  # noqa: D102
    @property
    def m(self) -> int: ...  # noqa: D102
    @property
    def k(self) -> int: ...  # noqa: D102
    @property
    def train(self) -> str: ...  # noqa: D102
    @property
    def kappa(self) -> float | None: ...  # noqa: D102
    @property
    def noise(self) -> float: ...  # noqa: D102
    @property
    def activation(self) -> str: ...  # noqa: D102
    @property
    def V(self) -> str: ...  # noqa: D102


def check(sizes: Sizes) -> None:
    """ValueError, in the user's words, for what cannot be drawn."""
    for name in ("n", "m", "k"):
        integer(name, getattr(sizes, name), 1)
    number("noise", sizes.noise)
    if sizes.kappa is not None:
        number("kappa", sizes.kappa)
        if not 1 <= sizes.kappa < math.inf:
            raise ValueError(
                f"kappa = {sizes.kappa}; a condition number is at least 1, None stands for a Gaussian operator"
            )
    if sizes.train not in ("both", "W"):
        raise ValueError(f"train = {sizes.train!r}; it must be 'both' (a and V move) or 'W' (only a moves)")
    if not 0 <= sizes.noise < math.inf:
        raise ValueError(f"noise = {sizes.noise}; the noise relative to the clean data is nonnegative")
    if not activation(sizes.activation).theory.smooth:
        raise ValueError(f"activation = {sizes.activation!r}; the theorems need a continuous derivative")
    entry_distribution(sizes.V)


def drawn(sizes: Sizes, rng: np.random.Generator, **network: Any) -> Instance:
    """A random instance with certified constants; least squares.

    x̄ is standard normal, ε uniform on the sphere of radius noise·‖A x̄‖.  `network`: further keys of the table [network].
    """
    n, m, rank = sizes.n, sizes.m, min(sizes.m, sizes.n)
    if sizes.kappa is None:
        A = rng.standard_normal((m, n)) / math.sqrt(n)
    else:
        A = (frame(rng, m, rank) * np.logspace(0.0, -math.log10(sizes.kappa), rank)) @ frame(rng, n, rank).T
    truth, direction = rng.standard_normal(n), rng.standard_normal(m)
    noise = direction * (sizes.noise * float(np.linalg.norm(A @ truth)) / float(np.linalg.norm(direction)))
    table = {
        "seed": int(rng.integers(2**32)),
        "signal": {"source": "values", "values": truth.tolist()},
        "operator": {"kind": "dense", "values": A.tolist()},
        "noise": {"values": noise.tolist()} if sizes.noise else {"level": 0.0},
        "network": {
            "width": sizes.k,
            "train": sizes.train,
            "activation": sizes.activation,
            "init": {"V": sizes.V},
            **network,
        },
    }
    return Instance.of(build(parse(table)))
