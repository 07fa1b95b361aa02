"""The extremal scalar family of `sharp.optimal`: the instance on which the sharp theorem holds with equality.

n = m = p = 1, F(x) = σ_F x, g(s) = σ0 s − Λ s²/2, s(0) = 0, y = ρ0 > 0, least squares.  With ρ = y − σ_F g > 0 and
g'(s)² = (σ0 − Λs)² = σ0² − 2Λ g(s), the flow ṡ = σ_F g'(s) ρ satisfies

    ρ' = −σ_F² (σ0² − 2Λ(ρ0 − ρ)/σ_F) ρ = −(a + bρ) ρ,   a = σ_F²σ0²(1 − 2h),  b = 2σ_FΛ,  h = Λρ0/(σ_Fσ0²),

a logistic equation.  h < ½: ρ → 0 exactly as `sharp.logistic`, ℓ(t) = s(t) exactly as `sharp.length`.  h = ½: ρ =
ρ0/(1 + bρ0 t).  h > ½: s → σ0/Λ where g' = 0, and ρ → −a/b > 0: the flow stops with positive loss.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from numerics.integrator import Observation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ExtremalFamily:
    """A member of the family, with its flow in closed form; also a :class:`numerics.integrator.GradientSystem`.

    Raises ValueError unless sigma_F, sigma_0, Lambda, rho_0 are positive and finite.

    >>> member = ExtremalFamily.with_h(0.25)
    >>> member.h, member.residual_limit
    (0.25, 0.0)
    >>> round(ExtremalFamily.with_h(0.75).residual_limit, 12)
    0.25
    """

    sigma_F: float = 1.0
    sigma_0: float = 1.0
    Lambda: float = 1.0
    rho_0: float = 0.25

    def __post_init__(self) -> None:
        for name in ("sigma_F", "sigma_0", "Lambda", "rho_0"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"{name} = {value}; the extremal family needs positive finite constants")

    @classmethod
    def with_h(cls, h: float, sigma_F: float = 1.0, sigma_0: float = 1.0, Lambda: float = 1.0) -> ExtremalFamily:
        """The member whose h is (up to rounding) the one given: ρ0 = hσ_Fσ0²/Λ."""
        return cls(sigma_F, sigma_0, Lambda, h * sigma_F * sigma_0**2 / Lambda)

    @property
    def h(self) -> float:
        """Λρ0/(σ_Fσ0²): below ½ the sharp condition holds."""
        return self.Lambda * self.rho_0 / (self.sigma_F * self.sigma_0**2)

    @property
    def residual_limit(self) -> float:
        """lim ρ(t): 0 for h ≤ ½, else −a/b = ρ0 (1 − 1/(2h))."""
        return self.rho_0 * max(0.0, 1.0 - 1.0 / (2.0 * self.h))

    def _decayed(self, t: ArrayLike) -> tuple[Array, Array, Array]:
        """(ρ0 − ρ, ρ, g'(s)²) at t, none by cancellation.

        With x = a t, E = (1 − e^{−x})/a, D = 1 + bρ0E and a + bρ0 = σ_F²σ0² =: c: ρ = ρ0 e^{−x}/D, ρ0 − ρ = ρ0 c E/D,
        σ_F² g'(s)² = a + bρ = c/D.  For a < 0 the fractions are multiplied through by e^{x}, so that nothing overflows.
        """
        time = np.asarray(t, dtype=float)
        if np.any(time < 0) or np.any(np.isnan(time)):
            raise ValueError("times are nonnegative")
        c = (self.sigma_F * self.sigma_0) ** 2
        a, b = c * (1.0 - 2.0 * self.h), 2.0 * self.sigma_F * self.Lambda * self.rho_0
        decay = np.exp(-abs(a) * time)  # e^{−x}, or e^{x} if a < 0
        integral = -np.expm1(-abs(a) * time) / abs(a) if a != 0 else time
        first, second = (1.0, decay) if a < 0 else (decay, 1.0)
        denominator = second + b * integral
        rho = self.rho_0 * first / denominator
        return self.rho_0 * c * integral / denominator, rho, self.sigma_0**2 * second / denominator

    def residual(self, t: ArrayLike) -> Array:
        """ρ(t) = |y(t) − y| in closed form."""
        return self._decayed(t)[1]

    def loss(self, t: ArrayLike) -> Array:
        """½ρ(t)²."""
        return 0.5 * self.residual(t) ** 2

    def length(self, t: ArrayLike) -> Array:
        """ℓ(t) = s(t) in closed form: the root s < σ0/Λ of g(s) = z, z = (ρ0 − ρ(t))/σ_F."""
        gone, _, slope_squared = self._decayed(t)
        return 2.0 * gone / self.sigma_F / (self.sigma_0 + np.sqrt(slope_squared))

    # ----------------------------------------------------------------- numerics.integrator.GradientSystem
    @property
    def size(self) -> int:
        """One parameter, s."""
        return 1

    @property
    def leading(self) -> int:
        """ℓ_a = ℓ."""
        return 1

    def velocity(self, displacement: Array) -> Array:
        """ṡ = σ_F g'(s) ρ(s)."""
        return self.sigma_F * (self.sigma_0 - self.Lambda * displacement) * self._rho(displacement)

    def observe(self, displacement: Array) -> Observation:
        """Loss, ρ and residual y(t) − y = −ρ."""
        rho = float(self._rho(displacement)[0])
        return Observation(0.5 * rho * rho, abs(rho), np.array([-rho]), 4 * 2.0**-52 * self.rho_0)

    def sensitivity(self, displacement: Array) -> float:
        """σ_F |g'(s)|."""
        return self.sigma_F * abs(self.sigma_0 - self.Lambda * float(displacement[0]))

    def _rho(self, s: Array) -> Array:
        return self.rho_0 - self.sigma_F * s * (self.sigma_0 - 0.5 * self.Lambda * s)
