"""Gradient descent on the extremal scalar family: no closed form, but the iteration itself at any number of digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, ClassVar, Literal

import mpmath

from numerics.exact.base import Member, Values, real, weighted_kl
from numerics.exact.extremal import assumptions
from theory.kl import Desingularizer

__all__ = ["ExtremalDescent"]

_MOST = 100_000


@dataclass(frozen=True)
class ExtremalDescent(Member):
    """F = sigma_F x, g(s) = sigma_0 s − Lambda s²/2 from s = 0, y = h sigma_F sigma_0²/Lambda, plain least squares.

    step: gamma M in (0, 2), M the largest second derivative of the objective on the ball |s| ≤ radius·sigma_0/Lambda; it
    is valid for `gd.*` where that radius is at least ell_star, 1 − √(1 − 2h/ν) in the same unit, ν = 1 − step/2
    (`A.gradient_lipschitz` answers).

    >>> point = ExtremalDescent(h="1/10", step="1/10", radius="1/5").at(1000)
    >>> print(mpmath.nstr(point.value("ell"), 10), point.holds("A.gradient_lipschitz"))
    0.105572809 True
    """

    h: Fraction = Fraction(1, 10)
    step: Fraction = Fraction(1, 2)
    radius: Fraction = Fraction(1)
    sigma_F: Fraction = Fraction(1)
    sigma_0: Fraction = Fraction(1)
    Lambda: Fraction = Fraction(1)
    _paths: dict[int, list[Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    family: ClassVar[str] = "extremal_descent"
    dynamics: ClassVar[Literal["flow", "descent"]] = "descent"

    def __post_init__(self) -> None:
        self.check_rationals(positive=("h", "step", "radius", "sigma_F", "sigma_0", "Lambda"))
        if self.step >= 2:
            raise ValueError(f"step = {self.step}: give gamma M in (0, 2)")

    @property
    def kl(self) -> Desingularizer:
        """Plain least squares."""
        return weighted_kl(Fraction(1))

    @property
    def M(self) -> Fraction:
        """max of sigma_F²g'² + sigma_F Lambda ρ over the ball, at s = −radius: both terms decrease in s there."""
        c, r = (self.sigma_F * self.sigma_0) ** 2, self.radius
        return c * ((1 + r) ** 2 + self.h + r + r**2 / 2)

    @property
    def gamma(self) -> Fraction:
        """The step of gradient descent."""
        return self.step / self.M

    def _rho(self, s: Any) -> Any:
        sF, s0, lam = (real(v) for v in (self.sigma_F, self.sigma_0, self.Lambda))
        return real(self.h) * sF * s0**2 / lam - sF * s * (s0 - lam * s / 2)

    def _gradient(self, s: Any) -> Any:
        return -real(self.sigma_F) * (real(self.sigma_0) - real(self.Lambda) * s) * self._rho(s)

    def path(self, steps: int) -> list[Any]:
        """s_0, ..., s_steps at the working precision; kept, so that later points cost only their own steps."""
        if steps > _MOST:
            raise ValueError(f"{steps} steps: the iteration is followed for at most {_MOST}")
        known = self._paths.setdefault(mpmath.mp.prec, [mpmath.mpf(0)])
        gamma = real(self.gamma)
        while len(known) <= steps:
            known.append(known[-1] - gamma * self._gradient(known[-1]))
        return known[: steps + 1]

    def state(self, t: Any) -> Values:
        """See the class."""
        j = int(t)
        sF, s0, lam = (real(v) for v in (self.sigma_F, self.sigma_0, self.Lambda))
        s = self.path(j + 1)
        now = s[j]
        signed, rho_0 = self._rho(now), self._rho(mpmath.mpf(0))
        rho, slope, moved = abs(signed), abs(s0 - lam * now), abs(now)
        length = mpmath.fsum(abs(b - a) for a, b in pairwise(s[: j + 1]))
        return {
            "n": 1, "m": 1, "w_min": 1, "gamma": real(self.gamma), "M": real(self.M), "nu": real(1 - self.step / 2),
            "sigma_F": sF, "L_F": sF, "A_norm": sF, "JF_norm": sF, "sigma_A": sF, "mu": sF, "kappa": 1, "Lip_F": 0,
            "sigma_0": s0, "J_norm": s0, "sigma_J": sF * s0, "Jf_norm": sF * s0,
            "Lambda": lam, "Lip": lam, "Lambda_f": sF * lam, "Omega": lam * moved,
            "rho_0": rho_0, "loss_0": rho_0**2 / 2, "y_norm": rho_0, "x0_norm": 0, "Phi_0": rho_0**2 / 2,
            "rho": rho, "residual": rho, "loss": rho**2 / 2, "loss_next": self._rho(s[j + 1]) ** 2 / 2,
            "grad_norm": rho, "q_norm": sF * rho, "grad_theta": sF * slope * rho, "chain_gap": 0,
            "ell": length, "theta_dist": moved, "r": moved, "sigma_t": slope, "sigma_theta": slope, "sigma_g": slope,
            "J_change": lam * moved, "Jf_change": sF * lam * moved, **self._limit(rho_0),
        }  # fmt: skip

    def _limit(self, rho_0: Any) -> Values:
        """With steps ≤ 1/M, M valid up to sigma_0/Lambda, s increases to the first zero of the gradient."""
        if self.step > 1 or self.radius < 1:
            return {}
        return {"loss_limit": (rho_0 * real(max(1 - 1 / (2 * self.h), Fraction(0)))) ** 2 / 2}

    def answers(self) -> Mapping[str, bool]:
        """M is valid if ℓ* of the iterates is inside its ball; where there is no ℓ*, sigma_0/Lambda takes its place."""
        room = 1 - 2 * self.h / (1 - self.step / 2)
        inside = self.radius >= 1 or (room >= 0 and (1 - self.radius) ** 2 <= room)
        return assumptions(
            {
                "A.loss.least_squares": True,
                "A.loss.plain_least_squares": True,
                "A.step": True,
                "A.gradient_lipschitz": inside,
                "A.noise.none": True,
                "A.noise.positive": False,
            }
        )
