"""What is known before anything is drawn: sizes, operator, data, loss, law of the initialization."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from numerics.activations import CompiledActivation, activation
from numerics.initialization import EntryDistribution, entry_distribution
from numerics.losses import loss
from numerics.rigorous import above, below
from theory.kl import Desingularizer
from theory.losses import LOSSES

__all__ = ["MOST", "Setting"]

Train = Literal["both", "W"]
MOST = 10**15
"""The largest size that is taken: widths, signals and data of more entries than that are not worth a number."""


@dataclass(frozen=True)
class Setting:
    """A two-layer network and an inverse problem, as far as an a-priori width needs to know them.

    n, m            entries of the signal and of the data
    train           "both" layers or "W" alone
    activation, V   names: of φ (`theory.activations`), of the law of V's entries (`numerics.initialization`)
    linear          F = A x; otherwise F is Lipschitz with constant `L_F`
    sigma_F         smallest nonzero singular value (nonlinear F: a lower bound over the signals visited)
    L_F             ‖A‖, or a Lipschitz constant of F
    rank            rank of A (None: min(n, m))
    y_norm          norm of the clean data (None: √m); the data are bounded by y_norm + noise
    F0_norm         ‖F(0)‖ (0 for linear F)
    noise           ‖ε‖; also the level at which to stop (0: no noise, no stopping time)
    x_plus          bound of ‖A⁺y‖ (None: (y_norm + noise)/sigma_F)
    AF_norm, AAt_F, Aty_norm   ‖A‖_F, ‖AAᵀ‖_F, ‖Aᵀy‖ (None: √rank ‖A‖, √rank ‖A‖², ‖A‖‖y‖)
    residual        a bound of ‖y(0) − y‖, if there is a better one than the lemmas give
    antisymmetric   V = [V', −V'], a = [a', a'] (`dip2.antisymmetric`): x(0) = 0
    scale           output scale: x = scale · g(θ) (`dip2.output_scale`)
    loss, loss_parameters   a name of `theory.losses` (unweighted) and its parameters, as (name, value) pairs
    order_statistics   use `dip2.order_statistics` for the hidden norm where it is better than Gaussian concentration

    ValueError for what cannot be, in the words of the command line.

    >>> Setting(n=10, m=5).y_total == math.sqrt(5)
    True
    """

    n: int
    m: int
    train: Train = "both"
    activation: str = "tanh"
    V: str = "rademacher"
    linear: bool = True
    sigma_F: float = 1.0
    L_F: float = 1.0
    rank: int | None = None
    y_norm: float | None = None
    F0_norm: float = 0.0
    noise: float = 0.0
    x_plus: float | None = None
    AF_norm: float | None = None
    AAt_F: float | None = None
    Aty_norm: float | None = None
    residual: float | None = None
    antisymmetric: bool = False
    scale: float = 1.0
    loss: str = "least_squares"
    loss_parameters: tuple[tuple[str, float], ...] = ()
    order_statistics: bool = True

    def __post_init__(self) -> None:
        for name in ("n", "m", "rank"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise ValueError(f"{name} counts something: an integer >= 1 is needed, not {value!r}")
            if value is not None and value > MOST:
                raise ValueError(f"{name} = {value} is beyond {MOST:.0e}, where float64 stops telling integers apart")
        for name in ("linear", "antisymmetric", "order_statistics"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is True or False, not {getattr(self, name)!r}")
        if self.train not in ("both", "W"):
            raise ValueError(f'train is "both" or "W", not {self.train!r}')
        positive = {"sigma_F": self.sigma_F, "L_F": self.L_F, "scale": self.scale}
        optional = ("y_norm", "x_plus", "AF_norm", "AAt_F", "Aty_norm", "residual")
        nonnegative = {"F0_norm": self.F0_norm, "noise": self.noise} | {name: getattr(self, name) for name in optional}
        for name, value in (positive | nonnegative).items():
            if value is None and name in optional:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} has to be a number, not {value!r}")
            if value > 1e150:
                raise ValueError(
                    f"{name} = {value:g} is beyond 1e150: its square does not fit into a double; use other units"
                )
            if not math.isfinite(value) or value < 0 or (name in positive and value == 0):
                raise ValueError(
                    f"{name} has to be a finite number {'> 0' if name in positive else '>= 0'}, not {value!r}"
                )
        if self.sigma_F > self.L_F:
            raise ValueError(
                f"sigma_F = {self.sigma_F!r} is the smallest nonzero singular value of {'A' if self.linear else 'J_F'}: it "
                f"cannot exceed {'its norm' if self.linear else 'the Lipschitz constant of F,'} L_F = {self.L_F!r}"
            )
        if self.rank is not None and self.rank > min(self.n, self.m):
            raise ValueError(
                f"the rank of an {self.m} x {self.n} matrix is at most {min(self.n, self.m)}, not {self.rank}"
            )
        if self.linear and self.F0_norm:
            raise ValueError("F(0) = 0 for a linear operator: leave F0_norm out, or say that F is not linear")
        if not self.phi.theory.smooth:
            raise ValueError(
                f"{self.activation} is outside the assumptions of the theorems (A.activation): {self.phi.theory.B2_argument}"
            )
        entry_distribution(self.V)
        self._check_loss()

    def _check_loss(self) -> None:
        """The loss is known, unweighted, smooth at its parameters, and these are in their domains."""
        if self.loss == "weighted_least_squares":
            raise ValueError("weights are part of the operator here: scale the rows of A and y, and use least_squares")
        if loss(self.loss, **self.loss_values).theory.smooth is False:
            raise ValueError(f"{self.loss} is outside the assumptions with these parameters (A.loss.smooth)")

    @property
    def loss_values(self) -> dict[str, float]:
        """The parameters of the loss that are given, and m where it has that one."""
        known = LOSSES.get(self.loss)
        sizes = {"m": self.m} if known is not None and any(item.name == "m" for item in known.parameters) else {}
        return {**sizes, **dict(self.loss_parameters)}

    @cached_property
    def kl(self) -> Desingularizer:
        """ψ and what follows from it, the parameters of the loss filled in."""
        return loss(self.loss, **self.loss_values).kl

    @cached_property
    def phi(self) -> CompiledActivation:
        """The activation, compiled."""
        return activation(self.activation)

    @property
    def law(self) -> EntryDistribution:
        """The law of the entries of V."""
        return entry_distribution(self.V)

    @property
    def q(self) -> int:
        """The rank of A; for nonlinear F, n (the signal is seen whole)."""
        if not self.linear:
            return self.n
        return min(self.n, self.m) if self.rank is None else self.rank

    @property
    def y_total(self) -> float:
        """Bound of ‖y‖, noise included."""
        clean = math.sqrt(self.m) if self.y_norm is None else self.y_norm
        return above(Fraction(clean) + Fraction(self.noise))

    @property
    def s_sigma_F(self) -> float:
        """σ_F of the scaled problem F(scale ·), rounded down."""
        return below(Fraction(self.scale) * Fraction(self.sigma_F))

    @property
    def s_L_F(self) -> float:
        """‖A‖ or L_F of the scaled problem, rounded up."""
        return above(Fraction(self.scale) * Fraction(self.L_F))

    def operator_norms(self) -> dict[str, float]:
        """A_norm, AF_norm, AAt_F, Aty_norm and y_norm of the scaled problem, as `dip2.output_sub_gaussian` needs them."""
        s, A = Fraction(self.scale), Fraction(self.L_F)
        root = Fraction(math.sqrt(self.q))
        if root * root < self.q:
            root = Fraction(math.nextafter(math.sqrt(self.q), math.inf))
        return {
            "A_norm": self.s_L_F,
            "AF_norm": above(s * (root * A if self.AF_norm is None else Fraction(self.AF_norm))),
            "AAt_F": above(s * s * (root * A * A if self.AAt_F is None else Fraction(self.AAt_F))),
            "Aty_norm": above(s * (A * Fraction(self.y_total) if self.Aty_norm is None else Fraction(self.Aty_norm))),
            "y_norm": self.y_total,
        }

    @property
    def preimage(self) -> float:
        """Bound of ‖(scale A)⁺y‖, rounded up."""
        plain = Fraction(self.y_total) / Fraction(self.sigma_F) if self.x_plus is None else Fraction(self.x_plus)
        return above(plain / Fraction(self.scale))

    def with_(self, **changes: Any) -> Setting:
        """A copy with some fields changed, checked like any other."""
        return replace(self, **changes)
