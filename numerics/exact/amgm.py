"""The family on which the constant 2 of `dip2.amgm` is optimal: two layers, n = m = k = 1, identity, a_0 = v_0.

Along the flow a = v, and with the signed residual r = sigma_F a² − y: r' = −2 sigma_F (r + y) r, a logistic equation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import mpmath

from numerics.exact.base import Member, Values, real, weighted_kl
from numerics.exact.extremal import assumptions
from theory.kl import Desingularizer

__all__ = ["Balanced"]


@dataclass(frozen=True)
class Balanced(Member):
    """g = v a with a = v = a_0 at the start, F = sigma_F x, plain least squares, y = (1 − fill) sigma_F a_0².

    fill: ρ0 over the capacity sigma_F a_0², signed; below 1: y > 0, above: y < 0 is out of reach; negative: y > y(0).
    noise: ȳ = y − noise·|y(0) − y|.

    With A = 2 sigma_F y, I = (1 − e^{−At})/A and D = 1 + 2 sigma_F r(0) I: r = r(0) e^{−At}/D and a² = a_0²/D.

    >>> print(mpmath.nstr(Balanced(fill="1.01").at("1e6").value("rho"), 12))
    0.01
    """

    fill: Fraction = Fraction(1, 2)
    a_0: Fraction = Fraction(1)
    sigma_F: Fraction = Fraction(1)
    noise: Fraction = Fraction(0)

    family: ClassVar[str] = "balanced"

    def __post_init__(self) -> None:
        self.check_rationals(positive=("a_0", "sigma_F"), others=("fill", "noise"))
        if self.fill == 0:
            raise ValueError("fill = 0: the flow rests from the start; give another number")

    @property
    def kl(self) -> Desingularizer:
        """Plain least squares."""
        return weighted_kl(Fraction(1))

    def state(self, t: Any) -> Values:
        """See the class."""
        sF, a0 = real(self.sigma_F), real(self.a_0)
        capacity = self.sigma_F * self.a_0**2
        y, start = (1 - self.fill) * capacity, real(self.fill * capacity)
        rate = 2 * sF * real(y)
        integral = -mpmath.expm1(-rate * t) / rate if y else mpmath.mpf(t)
        d = 1 + 2 * sF * start * integral
        r, a = start * mpmath.exp(-rate * t) / d, a0 / mpmath.sqrt(d)
        gone = 2 * sF * a0**2 * start * sF * integral / d  # r(0) − r
        ell_a = abs(gone) / (sF * (a0 + a))
        end = mpmath.sqrt(real(max(y, Fraction(0))) / sF)
        rest_a = abs(r) / (sF * (a + end)) if y >= 0 else a
        root = mpmath.sqrt(2)
        rho, rho_0 = abs(r), abs(start)
        noise = real(self.noise) * rho_0
        speed_a = sF * a * rho
        z = (r + noise) / sF  # x − x̄
        return {
            "n": 1, "m": 1, "k": 1, "d": 1, "w_min": 1, "B1": 1, "B2": 0, "c_V": a0,
            "sigma_F": sF, "L_F": sF, "A_norm": sF, "JF_norm": sF, "sigma_A": sF, "mu": sF, "kappa": 1, "Lip_F": 0,
            "sigma_0": root * a0, "J_norm": root * a0, "sigma_J": root * sF * a0, "Jf_norm": root * sF * a0,
            "Lambda": 1, "Lip": 1, "Lambda_f": sF, "Omega": root * ell_a,
            # rational, though sigma_0 is not
            "h": real(abs(self.fill) / 2), "a": real(2 * capacity * self.sigma_F * (1 - abs(self.fill))),
            "f_0": a0, "f_a": a, "x0_norm": a0**2, "y_norm": abs(real(y)),
            "rho_0": rho_0, "loss_0": start**2 / 2, "Phi_0": start**2 / 2, "eps": abs(noise),
            "dist0": abs(start + noise) / sF,
            # Sigma' is {v a : |(v, a)| <= R' + sqrt(2) a_0}
            "dist": max(abs(real(y) - noise) / sF - (root * rho_0 / (sF * a0) + root * a0) ** 2 / 2, mpmath.mpf(0)),
            "G_L": 2 * mpmath.log(a0 / a) if start > 0 else -2 * mpmath.log(1 - ell_a / a0) if ell_a < a0 else mpmath.inf,
            "rho": rho, "residual": rho, "loss": r**2 / 2, "grad_norm": rho, "q_norm": sF * rho,
            "ell": root * ell_a, "ell_a": ell_a, "theta_dist": root * ell_a, "r": root * ell_a, "a_dist": ell_a,
            "V_dist": ell_a, "ell_tail": root * rest_a, "theta_tail": root * rest_a,
            "sigma_t": root * a, "sigma_theta": root * a, "sigma_g": root * a, "sigma_factor": a,
            "J_change": root * ell_a, "Jf_change": root * sF * ell_a, "J_pair": root * ell_a, "pair_dist": root * ell_a,
            "ell_dot": root * speed_a, "ell_a_dot": speed_a, "grad_theta": root * speed_a, "chain_gap": 0,
            "dloss": -2 * speed_a**2, "drho": -2 * (sF * a) ** 2 * rho, "dPsi": 2 * (sF * a) ** 2,
            "conserved": 0, "conserved_0": 0, "y_err": abs(r + noise), "x_err": abs(z),
            "E": z**2 / (4 * a**2), "E_0": (start + noise) ** 2 / (4 * (sF * a0) ** 2),
            # z' = −2a² sigma_F r, (a²)' = −2a² sigma_F r
            "dE": -z * sF * r + z**2 * sF * r / (2 * a**2),
            "loss_limit": real(min(y, Fraction(0))) ** 2 / 2,
        }  # fmt: skip

    def answers(self) -> Mapping[str, bool]:
        """A two-layer network, both layers trained, not drawn at random."""
        return assumptions(
            {
                "A.network.two_layer": True,
                "A.network.both": True,
                "A.network.regular_start": True,
                "A.activation": True,
                "A.activation.star_shaped": True,
                "A.loss.least_squares": True,
                "A.loss.plain_least_squares": True,
                "A.noise.positive": self.noise != 0,
                "A.noise.none": self.noise == 0,
            }
        )
