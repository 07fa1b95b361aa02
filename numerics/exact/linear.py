"""Diagonal problems: g(theta) = diag(q) theta, F = A = diag(s) of size m x n, least squares with a weight an entry.

The entries of the residual evolve alone, r_i(t) = r_i(0) exp(−λ_i t) with λ_i = w_i s_i² q_i², and by (1 − γλ_i)^j under
gradient descent.  Any linear A and any linear g that are diagonal in orthogonal bases are such a problem in these bases.
Entries may be zero: s_i = 0 or m > n leave part of y out of reach, n > m leaves a kernel, w_i = 0 a loss that does not
see v_i.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

import mpmath

from numerics.exact.base import GUARD, Member, Values, rational, real, weighted_kl
from numerics.exact.extremal import assumptions
from theory.kl import Desingularizer

__all__ = ["Diagonal", "DiagonalDescent"]

Vector = tuple[Fraction, ...]


def _norm(values: Any) -> Any:
    return mpmath.sqrt(mpmath.fsum(value * value for value in values))


@dataclass(frozen=True)
class Diagonal(Member):
    """Gradient flow from theta = 0.

    s: the diagonal of A, of length min(m, n), entries ≥ 0, not all zero.
    y: the data, of length m; y(0) = 0.
    q: the diagonal of the Jacobian of g, of length n, positive; empty: ones, as many as s has.
    w: weights of the loss, of length m, ≥ 0; empty: ones.
    truth: x̄, of length n; empty: the least-norm preimage of y.

    >>> print(mpmath.nstr(Diagonal(s=(1, "0.1"), y=(0, 1)).at(100).value("residual"), 12))
    0.367879441171
    """

    s: Vector = (Fraction(1),)
    y: Vector = (Fraction(1),)
    q: Vector = ()
    w: Vector = ()
    truth: Vector = ()

    family: ClassVar[str] = "diagonal"

    def __post_init__(self) -> None:
        exact = {name: tuple(rational(v) for v in getattr(self, name)) for name in ("s", "y", "q", "w", "truth")}
        s, y = exact["s"], exact["y"]
        q, w = exact["q"] or (Fraction(1),) * len(s), exact["w"] or (Fraction(1),) * len(y)
        seen = zip(y, s, strict=False)
        truth = exact["truth"] or tuple(b / a if a else Fraction(0) for b, a in seen)
        truth += (Fraction(0),) * (len(q) - len(truth))
        if len(s) != min(len(y), len(q)) or len(w) != len(y) or len(truth) != len(q):
            raise ValueError(
                f"sizes do not fit: {len(s)} singular values, y of length {len(y)}, q of {len(q)}, w of {len(w)}, truth of "
                f"{len(truth)}; with m = len(y) and n = len(q) give min(m, n), m, n, m, n of them"
            )
        if min(s) < 0 or max(s) == 0 or min(q) <= 0 or min(w) < 0 or max(w) == 0 or not any(y):
            raise ValueError("s and w have to be nonnegative and not all zero, q positive, y not zero")
        for name, value in {"s": s, "y": y, "q": q, "w": w, "truth": truth}.items():
            object.__setattr__(self, name, value)

    @property
    def kl(self) -> Desingularizer:
        """Weighted least squares: the smallest nonzero weight."""
        return weighted_kl(min(w for w in self.w if w))

    @property
    def rates(self) -> Vector:
        """λ_i of the entries of the residual, of length m."""
        full = (*self.s, *(Fraction(0),) * (len(self.y) - len(self.s)))
        scale = (*self.q, *(Fraction(1),) * len(self.y))
        return tuple(w * (a * b) ** 2 for w, a, b in zip(self.w, full, scale, strict=False))

    @property
    def clean(self) -> Vector:
        """ȳ = A x̄."""
        seen = tuple(a * v for a, v in zip(self.s, self.truth, strict=False))
        return (*seen, *(Fraction(0),) * (len(self.y) - len(seen)))

    def factors(self, t: Any) -> list[Any]:
        """r_i(t)/r_i(0)."""
        return [mpmath.exp(-real(rate) * t) for rate in self.rates]

    def motion(self, t: Any) -> Values:
        """Lengths: of the path and its rest, of the displacement and what is left of it."""
        moving = [(real(w * a * b * v), real(rate)) for w, a, b, v, rate in self._modes()]
        speed = _norm(c * mpmath.exp(-rate * t) for c, rate in moving)
        done = _norm(c * -mpmath.expm1(-rate * t) / rate for c, rate in moving)
        left = _norm(c * mpmath.exp(-rate * t) / rate for c, rate in moving)
        if len({rate for _, rate in moving}) <= 1:
            lengths: Values = {"ell": done, "ell_tail": left}
        else:
            slowest = min(rate for _, rate in moving)
            lengths = {
                "ell": lambda: _length(moving, slowest, mpmath.mpf(0), t),
                "ell_tail": lambda: _length(moving, slowest, t, None),
            }
        return {**lengths, "theta_dist": done, "r": done, "theta_tail": left, "ell_dot": speed}

    def _modes(self) -> list[tuple[Fraction, ...]]:
        """(w, s, q, y, rate) of the entries that move."""
        rows = zip(self.w, self.s, self.q, self.y, self.rates, strict=False)
        return [row for row in rows if row[3] and row[4]]

    def state(self, t: Any) -> Values:
        """See the class."""
        m, n = len(self.y), len(self.q)
        s, q, w, y = ([real(v) for v in values] for values in (self.s, self.q, self.w, self.y))
        truth = [real(v) for v in self.truth]
        lam = [real(rate) for rate in self.rates]
        factor = self.factors(t)
        r = [-f * v for f, v in zip(factor, y, strict=True)]
        noise = [real(a - b) for a, b in zip(self.y, self.clean, strict=True)]
        w_min = real(min(v for v in self.w if v))
        # x − x̄ from A(x − x̄) = noise + r: the noise may be exactly zero
        z = [(a + b) / c if c else -v for a, b, c, v in zip(noise, r, s, truth, strict=False)]
        z += [-v for v in truth[len(s) :]]
        gradient = [a * b for a, b in zip(w, r, strict=True)]
        pulled = [a * b for a, b in zip(s, gradient, strict=False)]
        velocity = [-a * b for a, b in zip(pulled, q, strict=False)]
        loss, loss_0 = (mpmath.fsum(a * b * b for a, b in zip(w, v, strict=True)) / 2 for v in (r, y))
        dloss = -mpmath.fsum(a * b * b * v for a, b, v in zip(w, r, lam, strict=True))
        singular = sorted(v for v in s if v)
        moved = self.motion(t)
        rho = mpmath.sqrt(2 * loss / w_min)
        stays = mpmath.fsum(real(a * b * b) for a, b, rate in zip(self.w, self.y, self.rates, strict=True) if not rate)
        composed = [a * b for a, b in zip(s, q, strict=False)]
        return {
            "n": n, "m": m, "rank": len(singular), "w_min": w_min,
            "sigma_F": singular[0], "L_F": singular[-1], "A_norm": singular[-1], "JF_norm": singular[-1], "Lip_F": 0,
            "sigma_A": min(s), "kappa": singular[-1] / singular[0], "mu": min(s) if n <= m else 0,
            "sigma_0": min(q), "J_norm": max(q), "Jf_norm": max(composed),
            "sigma_J": min(composed) if m <= n else 0,
            "Lambda": 0, "Lip": 0, "Lambda_f": 0, "Omega": 0, "G_L": 0,
            "rho_0": mpmath.sqrt(2 * loss_0 / w_min), "loss_0": loss_0, "y_norm": _norm(y), "x0_norm": 0,
            "Phi_0": _norm(y) ** 2 / 2, "eps": _norm(noise), "dist0": _norm(truth),
            # the largest ball in the ellipsoid of reachable signals: an upper bound of the distance from it
            "dist": lambda: max(0, _norm(truth) - 2 * min(q) * mpmath.sqrt(2 * loss_0 / w_min) / (singular[0] * min(q))),
            "rho": rho, "residual": _norm(r), "loss": loss, "grad_norm": _norm(gradient), "q_norm": _norm(pulled),
            "sigma_t": min(q), "sigma_theta": min(q), "sigma_g": max(q), "J_change": 0, "Jf_change": 0, "J_pair": 0,
            "pair_dist": moved["theta_dist"], "grad_theta": _norm(velocity), "chain_gap": 0,
            "dloss": dloss,
            "drho": lambda: dloss / (w_min * rho),
            "dPsi": lambda: -dloss / (2 * w_min * loss),
            "y_err": _norm([a + b for a, b in zip(r, noise, strict=True)]), "x_err": _norm(z),
            "E": mpmath.fsum((a / b) ** 2 for a, b in zip(z, q, strict=True)) / 2,
            "E_0": mpmath.fsum((a / b) ** 2 for a, b in zip(truth, q, strict=True)) / 2,
            "dE": mpmath.fsum(a * v / b for a, v, b in zip(z, velocity, q, strict=False)),
            "loss_limit": stays / 2,
            **moved,
        }  # fmt: skip

    def answers(self) -> Mapping[str, bool]:
        """The range condition needs the weighted residual out of reach to be zero, unless nothing is seen of it."""
        out = [b for a, b, rate in zip(self.w, self.y, self.rates, strict=True) if a and not rate]
        noiseless = self.clean == self.y
        return assumptions(
            {
                "A.loss.unique": min(self.w) > 0,
                "A.loss.least_squares": min(self.w) > 0,
                "A.loss.plain_least_squares": set(self.w) == {Fraction(1)},
                "A.operator.range": not any(out),
                "A.operator.range.radial": not any(out) and min(self.w) > 0,
                "A.injective": len(self.q) <= len(self.y) and min(self.s) > 0,
                "A.noise.none": noiseless,
                "A.noise.positive": not noiseless,
            }
        )


def _length(moving: list[tuple[Any, Any]], slowest: Any, start: Any, end: Any) -> Any:
    """∫ of √(Σ c² e^{−2λu}) over [start, end] (None: ∞); LookupError if the quadrature does not reach the digits asked for.

    In v = e^{−λ_min (u − start)} the interval is bounded, and the integrand is a power of v times what is analytic in (0, 1].
    """
    if end is not None and end == start:
        return mpmath.mpf(0)
    asked = mpmath.mpf(10) ** -(mpmath.mp.dps - GUARD)
    now = [c * mpmath.exp(-rate * start) for c, rate in moving]
    unit = max(abs(c) for c in now)  # the quadrature's error is absolute
    scale = [(c / unit, rate / slowest - 1) for c, (_, rate) in zip(now, moving, strict=True)]
    low = mpmath.mpf(0) if end is None else mpmath.exp(-slowest * (end - start))

    def integrand(v: Any) -> Any:
        return _norm(c * v**power if power else c for c, power in scale)

    value, error = mpmath.quad(integrand, _split(low), error=True)
    if error > asked * abs(value):
        raise LookupError("the quadrature of a length of path does not reach the digits asked for")
    return unit * value / slowest


def _split(low: Any) -> list[Any]:
    """[low, 1] with points between that accumulate at 1, where the fast modes are."""
    inner = [1 - mpmath.mpf(2) ** -j for j in range(1, 30, 2)]
    return [low, *(v for v in inner if v > low), mpmath.mpf(1)]


@dataclass(frozen=True)
class DiagonalDescent(Diagonal):
    """Gradient descent with step gamma = step/M on the same problems, M = slack·max λ_i; time counts steps.

    step: γM, in (0, 2).
    slack: ≥ 1; how much larger than the best Lipschitz constant M is.

    >>> point = DiagonalDescent(step="1.8").at(200)
    >>> print(mpmath.nstr(point.value("ell"), 15))
    9.0
    """

    step: Fraction = Fraction(1)
    slack: Fraction = Fraction(1)

    family: ClassVar[str] = "diagonal_descent"
    dynamics: ClassVar[Literal["flow", "descent"]] = "descent"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_rationals(positive=("step", "slack"))
        if not self.step < 2 or self.slack < 1:
            raise ValueError(
                f"step = {self.step}, slack = {self.slack}: give gamma M in (0, 2) and a slack of at least 1"
            )

    @property
    def gamma(self) -> Fraction:
        """The step of gradient descent."""
        return self.step / self.M

    @property
    def M(self) -> Fraction:
        """A Lipschitz constant of the gradient of the objective."""
        return self.slack * max(self.rates)

    def factors(self, t: Any) -> list[Any]:
        """(1 − γλ_i)^j."""
        return [real(1 - self.gamma * rate) ** int(t) for rate in self.rates]

    def motion(self, t: Any) -> Values:
        """Sums over the steps: in closed form if all entries that move have one rate, else term by term."""
        j, gamma = int(t), real(self.gamma)
        moving = [(real(w * a * b * v), 1 - self.gamma * rate, real(rate)) for w, a, b, v, rate in self._modes()]
        factors = {factor for _, factor, _ in moving}

        def length() -> Any:
            if len(factors) == 1:
                shrink = real(abs(min(factors)))
                first = gamma * _norm(c for c, _, _ in moving)
                return first * (1 - shrink**j) / (1 - shrink)
            if j > 10_000:
                raise LookupError(f"ell: {j} steps of several rates are summed up to 10000 only")
            terms = (gamma * _norm(c * real(factor) ** i for c, factor, _ in moving) for i in range(j))
            return mpmath.fsum(terms)

        done = _norm(c * (1 - real(factor) ** j) / rate for c, factor, rate in moving)
        loss_next = mpmath.fsum(
            real(w * v * v * (1 - self.gamma * rate) ** 2) * real(1 - self.gamma * rate) ** (2 * j)
            for w, v, rate in zip(self.w, self.y, self.rates, strict=True)
        )
        left = _norm(c * real(factor) ** j / rate for c, factor, rate in moving)
        return {
            "ell": length, "theta_dist": done, "r": done, "theta_tail": left, "loss_next": loss_next / 2,
            "gamma": gamma, "M": real(self.M), "nu": real(1 - self.step / 2),
        }  # fmt: skip

    def state(self, t: Any) -> Values:
        """Those of the flow without its derivatives in time, and those of a step."""
        known = super().state(t)
        return {name: value for name, value in known.items() if name not in ("dloss", "drho", "dPsi", "dE", "ell_dot")}

    def answers(self) -> Mapping[str, bool]:
        """The objective is quadratic: M is valid everywhere."""
        return {**super().answers(), "A.step": True, "A.gradient_lipschitz": True}
