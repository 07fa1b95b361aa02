"""At which width does each theorem certify an instance, before any run? A property of the instance: neurons are added to it.

A replica draws operator and signal by the law of :func:`numerics.phase.draw`, then neurons one after another
(:mod:`verify.nested_widths`), and looks for the smallest width certified by every theorem, found by doubling and bisection.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from numerics.activations import activation
from numerics.door import integer
from numerics.initialization import Train
from numerics.phase import Experiment
from numerics.phase.experiment import operator_and_data
from verify.nested_widths import CRITERIA, Nested, smallest
from verify.sweep.kind import Kind

__all__ = ["EXPERIMENT", "Config", "Record", "draw", "replica"]


@dataclass(frozen=True)
class Config:
    """Sizes and laws of the instances; `most` is the largest width that is looked at.

    kappa: condition number of the operator, singular values from 1 to 1/kappa in geometric steps; None: Gaussian entries of
    variance 1/n.  noise: standard deviation of the noise of every datum.
    """

    n: int
    m: int
    kappa: float | None = None
    train: Train = "both"
    activation: str = "tanh"
    V: str = "uniform"
    noise: float = 0.0
    most: int = 16_384

    def __post_init__(self) -> None:
        self.experiment  # noqa: B018 - it checks what it is given
        integer("most", self.most, 1)
        if self.most > 2**22:
            raise ValueError(f"most = {self.most}; widths up to {2**22} are looked at")
        if self.m > self.n:
            raise ValueError(
                f"m = {self.m} is more than n = {self.n}; these instances have at most as many data as unknowns"
            )
        if not activation(self.activation).theory.smooth:
            raise ValueError(f"activation = {self.activation!r}; the theorems need a continuous derivative")

    @property
    def experiment(self) -> Experiment:
        """The experiment with these instances, of one neuron."""
        return Experiment(
            self.n, self.m, 1, self.train, kappa=self.kappa, noise=self.noise, activation=self.activation, V=self.V
        )


@dataclass(frozen=True)
class Record:
    """Smallest width certified by each theorem (inf: none up to `most`, NaN: it does not apply), and what orders depend on.

    sharp, baseline: for any operator.  sharp_linear, energy, balanced, saturated: restricted to Im Aᵀ.  sigma_F, A_frobenius,
    y_norm, x_plus: smallest singular value and Frobenius norm of A, ‖y‖, ‖A⁺y‖, in floating point.
    """

    baseline: float
    sharp: float
    sharp_linear: float
    energy: float
    amgm: float
    balanced: float
    saturated: float
    wonly: float
    sigma_F: float
    A_frobenius: float
    y_norm: float
    x_plus: float


def draw(config: Config, rng: np.random.Generator) -> Nested:
    """Operator and data as :func:`numerics.phase.draw` makes them of the same `rng`, and neurons of the same law."""
    data, network = rng.spawn(2)
    left, s, right, y = operator_and_data(config.experiment, data)
    return Nested(s, np.ascontiguousarray(right), left.T @ y, network, config.train, config.activation, config.V)


def replica(config: Config, rng: np.random.Generator) -> Record:
    """Draw an instance, and let every theorem look for its width."""
    instance = draw(config, rng)
    found = dict.fromkeys(
        ("baseline", "sharp", "sharp_linear", "energy", "amgm", "balanced", "saturated", "wonly"), math.nan
    )
    for name in CRITERIA[config.train]:
        # what the baseline certifies the sharp theorem does (sharp.implies_baseline), so that its width is no smaller
        least = found["sharp"] if name == "baseline" else 1.0
        found[name] = smallest(instance, name, config.most, int(least)) if math.isfinite(least) else math.inf
    s, y = instance.s, instance.y
    return Record(
        **found,
        sigma_F=float(s.min()),
        A_frobenius=float(np.linalg.norm(s)),
        y_norm=float(np.linalg.norm(y)),
        x_plus=float(np.linalg.norm(y / s)),
    )


EXPERIMENT = Kind(
    name="widths",
    about="Width from which an instance is certified, by every theorem",
    config=Config,
    record=Record,
    replica=replica,
    summarize="verify.sweep.experiments.widths_summary:summarize",
)
