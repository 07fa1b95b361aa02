"""Any loss on the line with linear g and F, where the Kurdyka–Łojasiewicz inequality is an equality.

g = sigma_0 theta, F = sigma_F x, one unknown: ρ = |y(t) − y| and Ψ(L(t)) = Ψ(L(0)) + sigma_F² sigma_0² t exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

import mpmath
import sympy as sp

from numerics import compile as compiled
from numerics.exact.base import Member, Values, rational, real
from numerics.exact.extremal import assumptions
from theory.kl import Desingularizer
from theory.losses import LOSSES
from theory.symbols import sym

__all__ = ["Scalar"]


@lru_cache(maxsize=256)
def _desingularizer(name: str, parameters: tuple[tuple[str, str], ...]) -> Desingularizer:
    return LOSSES[name].desingularizer(**{key: sp.Rational(value) for key, value in parameters})


@lru_cache(maxsize=1024)
def _function(expression: Any, symbol: str) -> Any:
    return compiled.function(expression, [symbol], backend="mpmath")


@dataclass(frozen=True)
class Scalar(Member):
    """One residual, from rho_0 to 0 monotonically; gradient flow.

    loss: a loss of :mod:`theory.losses` that is smooth.
    loss_parameters: pairs (name, exact rational); m = 1 where the loss asks for m.

    >>> point = Scalar(loss="p_power", loss_parameters=(("p", 3),)).at(9)
    >>> print(mpmath.nstr(point.value("rho"), 12))  # 1/ρ = 1/ρ0 + t
    0.1
    """

    loss: str = "log_cosh"
    loss_parameters: tuple[tuple[str, str], ...] = ()
    sigma_F: Fraction = Fraction(1)
    sigma_0: Fraction = Fraction(1)
    rho_0: Fraction = Fraction(1)
    noise: Fraction = Fraction(0)

    family: ClassVar[str] = "scalar"

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}; choose one of {', '.join(sorted(LOSSES))}")
        exact = LOSSES[self.loss].exact({name: rational(value) for name, value in self.loss_parameters})
        object.__setattr__(self, "loss_parameters", tuple((name, str(value)) for name, value in exact.items()))
        self.check_rationals(positive=("sigma_F", "sigma_0", "rho_0"), others=("noise",))
        if not LOSSES[self.loss].at(**exact).smooth:
            given = ", ".join(f"{name} = {value}" for name, value in exact.items())
            raise ValueError(f"{self.loss} with {given} is not smooth, the flow may stop in finite time: change it")

    @property
    def kl(self) -> Desingularizer:
        """That of the loss."""
        return _desingularizer(self.loss, self.loss_parameters)

    def state(self, t: Any) -> Values:
        """See the class."""
        sF, s0, rho_0 = (real(v) for v in (self.sigma_F, self.sigma_0, self.rho_0))
        kl, s, tau = self.kl, sym("s"), sym("x")
        loss_0 = _function(kl.psi_inv(sym("rho")), "rho")(rho_0)
        clock = _function(kl.Psi(s), "s")(loss_0) + (sF * s0) ** 2 * t
        loss = _function(kl.Psi_inv(tau), "x")(clock) if t else loss_0
        rho, slope = _function(kl.psi(s), "s")(loss) if t else rho_0, 1 / _function(kl.dpsi(s), "s")(loss)
        noise = real(self.noise) * rho_0
        moved, left, speed = (rho_0 - rho) / (sF * s0), rho / (sF * s0), sF * s0 * slope
        return {
            "n": 1, "m": 1, "w_min": 1,
            "sigma_F": sF, "L_F": sF, "A_norm": sF, "JF_norm": sF, "sigma_A": sF, "mu": sF, "kappa": 1, "Lip_F": 0,
            "sigma_0": s0, "J_norm": s0, "sigma_J": sF * s0, "Jf_norm": sF * s0,
            "Lambda": 0, "Lip": 0, "Lambda_f": 0, "Omega": 0,
            "rho_0": rho_0, "loss_0": loss_0, "y_norm": rho_0, "x0_norm": 0, "eps": abs(noise),
            "dist0": abs(rho_0 - noise) / sF, "dist": max(abs(rho_0 - noise) / sF - 2 * rho_0 / sF, mpmath.mpf(0)),
            "rho": rho, "residual": rho, "loss": loss, "grad_norm": slope, "q_norm": sF * slope,
            "ell": moved, "theta_dist": moved, "r": moved, "ell_tail": left, "theta_tail": left,
            "sigma_t": s0, "sigma_theta": s0, "sigma_g": s0, "J_change": 0, "Jf_change": 0, "J_pair": 0,
            "pair_dist": moved, "ell_dot": speed, "grad_theta": speed, "chain_gap": 0,
            "dloss": -(speed**2), "drho": -speed * sF * s0, "dPsi": (sF * s0) ** 2,
            "y_err": abs(noise - rho), "x_err": abs(noise - rho) / sF, "loss_limit": 0,
            **{name: real(rational(value)) for name, value in self.loss_parameters},
        }  # fmt: skip

    def answers(self) -> Mapping[str, bool]:
        """Every loss of the library is concave in ψ and satisfies the range condition along the residual."""
        plain = self.loss == "least_squares" or (self.loss == "p_power" and ("p", "2") in self.loss_parameters)
        return assumptions(
            {
                "A.loss.convex": LOSSES[self.loss].convex,
                "A.loss.least_squares": plain,
                "A.loss.plain_least_squares": plain,
                "A.noise.positive": self.noise != 0,
                "A.noise.none": self.noise == 0,
            }
        )
