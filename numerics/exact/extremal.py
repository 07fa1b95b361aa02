"""The extremal scalar family of `sharp.optimal`, for any h > 0, with noise and a weight (flow: numerics.extremal)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar

import mpmath

from numerics.exact.base import Member, Values, rational, real, weighted_kl
from theory.kl import Desingularizer

__all__ = ["Extremal", "assumptions"]


_TRUE = (
    "A.loss.smooth", "A.loss.min", "A.loss.unique", "A.loss.convex", "A.loss.KL", "A.loss.concave_psi", "A.loss.analytic",
    "A.operator.smooth", "A.operator.linear", "A.operator.nondegenerate", "A.operator.range", "A.operator.range.radial",
    "A.init", "A.injective", "A.generator.smooth", "A.generator.lipschitz", "A.generator.modulus",
    "A.generator.linear_modulus",
)  # fmt: skip
_FALSE = (
    "A.network.two_layer", "A.network.both", "A.network.W", "A.network.random", "A.network.sub_gaussian",
    "A.network.symmetric", "A.network.feedforward",
)  # fmt: skip


def assumptions(changed: Mapping[str, bool]) -> dict[str, bool]:
    """Answers: a convex loss, a linear injective operator with y in its image, a smooth generator; and what differs."""
    return {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False), **changed}


@dataclass(frozen=True)
class Extremal(Member):
    """F = sigma_F x, g(s) = sigma_0 s − Lambda s²/2 from s = 0, y = ρ0 = h sigma_F sigma_0²/Lambda > 0.

    L_y(v) = weight (v − y)²/2, and ȳ = y − noise·ρ0: noise > 0 is opposite to the residual y(t) − y, noise < 0 adds to it.
    With c = (sigma_F sigma_0)², a = c(1 − 2h), I = (1 − e^{−at})/a and D = 1 + 2hcI: ρ = ρ0 e^{−at}/D, ρ0 − ρ = ρ0cI/D and
    g'² = sigma_0²/D, for either sign of a.

    Parameters are taken exactly: numbers, decimals, ``"p/q"``.

    >>> point = Extremal(h="0.6").at("1e8")
    >>> print(mpmath.nstr(point.value("rho"), 15), point.holds("A.init"))
    0.1 True
    """

    h: Fraction = Fraction(1, 4)
    sigma_F: Fraction = Fraction(1)
    sigma_0: Fraction = Fraction(1)
    Lambda: Fraction = Fraction(1)
    noise: Fraction = Fraction(0)
    weight: Fraction = Fraction(1)

    family: ClassVar[str] = "extremal"

    def __post_init__(self) -> None:
        self.check_rationals(positive=("h", "sigma_F", "sigma_0", "Lambda", "weight"), others=("noise",))

    @property
    def kl(self) -> Desingularizer:
        """Least squares of the one weight."""
        return weighted_kl(self.weight)

    @property
    def rho_0(self) -> Fraction:
        """h sigma_F sigma_0²/Lambda."""
        return self.h * self.sigma_F * self.sigma_0**2 / self.Lambda

    def restarted(self, s: Any) -> Extremal:
        """The member that starts where this one is at s < sigma_0/Lambda, the clean data the same.

        >>> Extremal(h="1/2").restarted("1/2").h
        Fraction(1, 2)
        """
        s, lam = rational(s), self.Lambda
        slope = self.sigma_0 - lam * s
        rho = self.rho_0 - self.sigma_F * s * (self.sigma_0 - lam * s / 2)
        if slope <= 0 or rho <= 0:
            raise ValueError(f"s = {s} is not on the way: g'(s) = {slope} and the residual {rho} have to be positive")
        h = lam * rho / (self.sigma_F * slope**2)
        return replace(self, h=h, sigma_0=slope, noise=self.noise * self.rho_0 / rho)

    def _moved(self, t: Any) -> tuple[Any, Any, Any]:
        """(ρ, g', s) at time t."""
        c = real((self.sigma_F * self.sigma_0) ** 2 * self.weight)
        one_minus = real(1 - 2 * self.h)
        x = c * one_minus * t
        integral = -mpmath.expm1(-x) / (c * one_minus) if one_minus != 0 else mpmath.mpf(t)
        rho_0, sigma_0 = real(self.rho_0), real(self.sigma_0)
        d = 1 + 2 * real(self.h) * c * integral
        gone, slope = rho_0 * c * integral / d, sigma_0 / mpmath.sqrt(d)
        return rho_0 * mpmath.exp(-x) / d, slope, 2 * gone / real(self.sigma_F) / (sigma_0 + slope)

    def state(self, t: Any) -> Values:
        """See the class."""
        sF, s0, lam, w = (real(v) for v in (self.sigma_F, self.sigma_0, self.Lambda, self.weight))
        rho_0, h = real(self.rho_0), self.h
        rho, slope, s = self._moved(t)
        earlier = self._moved(t / 2)[-1]
        noise = real(self.noise) * rho_0
        speed = sF * slope * w * rho
        z = (noise - rho) / sF  # x − x̄
        floor = s0 * mpmath.sqrt(real(max(1 - 2 * h, Fraction(0))))
        rest = slope / lam if 2 * h >= 1 else 2 * rho / (sF * (slope + floor))
        limit = rho_0 * real(max(1 - 1 / (2 * h), Fraction(0)))
        return {
            "n": 1, "m": 1, "w_min": w,
            "sigma_F": sF, "L_F": sF, "A_norm": sF, "JF_norm": sF, "sigma_A": sF, "mu": sF, "kappa": 1, "Lip_F": 0,
            "sigma_0": s0, "J_norm": s0, "sigma_J": sF * s0, "Jf_norm": sF * s0,
            "Lambda": lam, "Lip": lam, "Lambda_f": sF * lam, "Omega": lam * s,
            "h": real(h), "a": real((self.sigma_F * self.sigma_0) ** 2 * (1 - 2 * h)),
            "rho_0": rho_0, "loss_0": w * rho_0**2 / 2, "y_norm": rho_0, "x0_norm": 0, "Phi_0": rho_0**2 / 2,
            "eps": abs(noise), "dist": lambda: self._distance(noise), "dist0": abs((rho_0 - noise) / sF),
            "rho": rho, "residual": rho, "loss": w * rho**2 / 2, "grad_norm": w * rho, "q_norm": sF * w * rho,
            "ell": s, "theta_dist": s, "r": s, "ell_tail": rest, "theta_tail": rest,
            "sigma_t": slope, "sigma_theta": slope, "sigma_g": slope, "J_change": lam * s, "Jf_change": sF * lam * s,
            "J_pair": lam * (s - earlier), "pair_dist": s - earlier,
            "ell_dot": speed, "grad_theta": speed, "chain_gap": 0,
            "dloss": -(speed**2), "drho": -w * (sF * slope) ** 2 * rho, "dPsi": (sF * slope) ** 2,
            "y_err": abs(noise - rho), "x_err": abs(z),
            "E": (z / slope) ** 2 / 2, "E_0": ((noise - rho_0) / (sF * s0)) ** 2 / 2,
            "dE": z * speed / slope + z**2 * lam * speed / slope**3,
            "G_L": 2 * mpmath.log(s0 / slope),
            "loss_limit": w * limit**2 / 2,
        }  # fmt: skip

    def _distance(self, noise: Any) -> Any:
        """Distance of x̄ from g([−R', R']), R' the radius of `baseline.condition`."""
        sF, s0, lam = (real(v) for v in (self.sigma_F, self.sigma_0, self.Lambda))
        truth, reach = (real(self.rho_0) - noise) / sF, 2 * real(self.rho_0) / (sF * s0)
        up = min(reach, s0 / lam)
        top, bottom = s0 * up - lam * up**2 / 2, -s0 * reach - lam * reach**2 / 2
        return max(truth - top, bottom - truth, mpmath.mpf(0))

    def answers(self) -> Mapping[str, bool]:
        """Everything but, with noise, its absence: n = m = p = 1 leaves nothing degenerate."""
        return assumptions(
            {
                "A.loss.least_squares": True,
                "A.loss.plain_least_squares": self.weight == 1,
                "A.noise.positive": self.noise != 0,
                "A.noise.none": self.noise == 0,
            }
        )
