"""Stopping times and rates that do not die with the condition number of the operator (`illposed.*`).

The error is measured in the metric of the kernel: with z = x - x_bar, K = J_g J_g^T and E = z^T K^{-1} z / 2, the
energy inequality E' <= -|r|^2 + |eps||r| + (2 Lip/s) l' E (`illposed.energy`) bounds the time to the discrepancy level
and the length of the path by quantities in which neither sigma_F nor kappa(A) occurs. Least squares, linear operator.

Both statements ask for a path budget L that satisfies one scalar inequality. Any L that does is a proof, so the search
is free and untrusted (float64), while the pair that it returns is re-evaluated in Arb with outward rounding: what is
reported as certified is an inequality between real numbers.

Two facts make the search easy. First, with q = Phi_0 T / E_bar, min over t_1 of sqrt(t_1 Phi_0) + sqrt(E_bar ln(T/t_1))
is sqrt(E_bar) c(q), and for the discrepancy principle q = 2 Phi_0/(tau eps)^2 does not depend on L at all. Second, Lip
is nondecreasing, so on each cell of a grid its value at the right end bounds G from above.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from numerics.compile import enclose, formula, function
from numerics.path_lipschitz import number, path_lipschitz
from theory.balls import precision, upper_float

__all__ = ["Discrepancy", "ZeroNoiseRate", "discrepancy", "path_constant", "path_lipschitz", "zero_noise_rate"]

#: Cells of the grids on which G is bounded: one part uniform in -ln(1 - Lambda L / sigma_0), the primitive of 1/s, one
#: geometric, for constants Lip that grow fast compared with sigma_0/Lambda.
CELLS = 192
#: Largest -ln(1 - Lambda L / sigma_0) that is looked at: e^G >= e^{2 * 9} there, of no use to anybody.
DEPTH = 9.0
_BITS = 128
_NAN = math.nan


@dataclass(frozen=True)
class Discrepancy:
    """What `illposed.discrepancy` gives; with `certified` False only `reason` has a meaning (the rest is NaN).

    certified : whether some path budget satisfies the inequality of the statement (proved, rounding included).
    L : the path budget; the path up to the stopping time is shorter.
    t_1 : where the length estimate switches from Phi_0 to the energy.
    T_hat : upper bound of the first time with |y(t) - y| <= tau eps.
    E_bar : E_0 e^G / (2 (1 - 1/tau)), upper bound.
    G_L : upper bound of G(L).
    energy_bound : upper bound of E(T): E_0 e^G.
    reason : in words, why it holds or what is missing.
    """

    certified: bool
    L: float
    t_1: float
    T_hat: float
    E_bar: float
    G_L: float
    energy_bound: float
    reason: str


@dataclass(frozen=True)
class ZeroNoiseRate:
    """What `illposed.rate` gives: |y(t) - y|^2 <= energy_bound / t for 0 < t <= T_1, if `certified`."""

    certified: bool
    L: float
    t_1: float
    T_1: float
    G_L: float
    energy_bound: float
    reason: str

    def residual_bound(self, t: float) -> float:
        """Upper bound of |y(t) - y| for 0 < t <= T_1; ValueError outside."""
        if not (self.certified and 0 < t <= self.T_1):
            raise ValueError(f"the rate is certified for 0 < t <= {self.T_1}, not at t = {t}: {self.reason}")
        return enclose("illposed.rate", "bound", {"E_0": self.energy_bound, "G_L": 0.0, "t": t}).upper


def path_constant(q: float) -> tuple[float, float]:
    """(c, u): c = min over 0 < u <= q of sqrt(u) + sqrt(ln(q/u)), and a u that attains it (up to rounding).

    Stationary points satisfy u ln(q/u) = 1; there are none for q < e, where u = q is best (c = sqrt(q)).

    >>> path_constant(1.0)
    (1.0, 1.0)
    >>> c, u = path_constant(1e6)
    >>> abs(u * math.log(1e6 / u) - 1) < 1e-9
    True
    """
    best, at = math.sqrt(q), q
    if q > math.e:
        u = 1 / math.log(q)
        for _ in range(100):  # the smaller root; u -> 1/ln(q/u) contracts there (its derivative is u)
            u = 1 / math.log(q / u)
            if not 0 < u < q / math.e:
                return best, at
        value = math.sqrt(u) + math.sqrt(math.log(q / u))
        if value < best:
            best, at = value, u
    return best, at


class _Budget:
    """G(L) from above on a grid of path budgets; Lip is asked once a grid point, and at no other."""

    def __init__(
        self, sigma_0: float, modulus: float, lipschitz: Callable[[float], Any], scale: float, top: float | None = None
    ) -> None:
        self.sigma_0, self.modulus = sigma_0, modulus
        self.grid: NDArray[np.float64]
        if top is not None:  # a second look, below a budget that is known to do
            self.grid = np.linspace(0.0, top, CELLS + 1)
        elif modulus > 0:
            fractions = -np.expm1(-np.linspace(0.0, DEPTH, CELLS + 1))
            self.grid = np.union1d(fractions, np.geomspace(1e-6, 0.9, 2 * CELLS)) * (sigma_0 / modulus)
        else:  # a constant Jacobian bound: s = sigma_0 for ever; `scale` is the length with G = 0
            self.grid = np.concatenate([[0.0], scale * np.geomspace(1e-3, 1e6, CELLS)])
        values = [number(lipschitz(float(r))) for r in self.grid[1:]]
        lip = np.array(values)
        if not (lip >= 0).all():  # catches NaN too
            raise ValueError("the Lipschitz constant must be nonnegative; check what `lipschitz` returns")
        # An infinite constant ends the budgets that can be looked at.
        finite = int(np.argmax(np.isinf(lip))) if np.isinf(lip).any() else lip.size
        if finite == 0:
            raise ValueError("the Lipschitz constant is infinite on the smallest ball; check what `lipschitz` returns")
        self.grid, lip = self.grid[: finite + 1], lip[:finite]
        # A true Lip(r) is nondecreasing. Taking the running maximum repairs harmless dips from outward rounding.
        self.lip = np.maximum.accumulate(lip)
        s = sigma_0 - modulus * self.grid
        cell = np.log(s[:-1] / s[1:]) / modulus if modulus > 0 else np.diff(self.grid) / sigma_0
        self.G = np.concatenate([[0.0], np.cumsum(2 * self.lip * cell)])

    def at(self, L: float) -> float:
        """G(L) in float64: for the search only."""
        j = int(np.searchsorted(self.grid, L, side="left")) - 1
        j = min(max(j, 0), len(self.lip) - 1)
        a, b = self.sigma_0 - self.modulus * self.grid[j], self.sigma_0 - self.modulus * L
        if b <= 0:
            return math.inf
        cell = math.log(a / b) / self.modulus if self.modulus > 0 else (L - self.grid[j]) / self.sigma_0
        return float(self.G[j] + 2 * self.lip[j] * cell)

    def enclose(self, L: float) -> arb:
        """A ball that contains an upper bound of G(L): the same sum in Arb."""
        sigma, lam, total, last = arb(self.sigma_0), arb(self.modulus), arb(0), 0.0
        for r, lip in zip(self.grid[1:], self.lip, strict=True):
            end = min(float(r), L)
            if lam > 0:
                cell = ((sigma - lam * arb(last)) / (sigma - lam * arb(end))).log() / lam
            else:
                cell = (arb(end) - arb(last)) / sigma
            total += 2 * arb(float(lip)) * cell
            last = end
            if end >= L:
                return total
        raise ValueError(f"the budget {L} lies outside the grid")  # pragma: no cover - the search stays inside


def _ball(name: str, **values: Any) -> arb:
    """A formula of `illposed.discrepancy` in Arb, at the precision in force."""
    return function(formula("illposed.discrepancy", name), list(values), "arb")(*values.values())


def _check(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be finite and nonnegative, not {value}")


def _search(
    sigma_0: float, modulus: float, lipschitz: Callable[[float], Any], need: Callable[[float], float], scale: float
) -> tuple[_Budget, float | None]:
    """A budget that does, found on a coarse grid and improved on a finer one, with the grid that proves it."""
    budget = _Budget(sigma_0, modulus, lipschitz, scale)
    L = _smallest_budget(budget, need)
    if L is not None:
        fine = _Budget(sigma_0, modulus, lipschitz, scale, top=L)
        better = _smallest_budget(fine, need)
        if better is not None:
            return fine, better
    return budget, L


def _smallest_budget(budget: _Budget, need: Callable[[float], float]) -> float | None:
    """The smallest L found with need(G(L)) < L: the first such grid point, then bisection below it. None if none."""
    previous = 0.0
    for L, G in zip(budget.grid[1:], budget.G[1:], strict=True):
        if not math.isfinite(G):
            return None
        if need(float(G)) < L:
            lo, hi = previous, float(L)
            for _ in range(50):
                mid = 0.5 * (lo + hi)
                if need(budget.at(mid)) < mid:
                    hi = mid
                else:
                    lo = mid
            return min(hi * (1 + 1e-8), float(L))  # a little room, so that the strict inequality survives the proof
        previous = float(L)
    return None


def _length(t_1: arb, Phi_0: arb, E: arb, T: arb) -> arb:
    """sqrt(t_1 Phi_0) + sqrt(E ln(T/t_1)); T/t_1 >= 1 (clipped: a ball around 1 may reach below it)."""
    log = (T / t_1).log()
    return (t_1 * Phi_0).sqrt() + (E * log.nonnegative_part()).sqrt()


def _failed(reason: str) -> Discrepancy:
    return Discrepancy(False, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, reason)


def _no_rate(reason: str) -> ZeroNoiseRate:
    return ZeroNoiseRate(False, _NAN, _NAN, _NAN, _NAN, _NAN, reason)


def discrepancy(
    E_0: float,
    Phi_0: float,
    eps: float,
    tau: float,
    sigma_0: float,
    modulus: float,
    lipschitz: Callable[[float], Any],
) -> Discrepancy:
    """Bound the stopping time of the discrepancy principle, whatever the conditioning (`illposed.discrepancy`).

    Parameters
    ----------
    E_0 : upper bound of z(0)^T K(0)^{-1} z(0) / 2, for example |x(0) - x_bar|^2 / (2 sigma_0^2).
    Phi_0 : upper bound of |y(0) - y|^2 / 2.
    eps : the noise level |eps| > 0 that defines the stopping rule |y(t) - y| <= tau eps; it must be an upper bound of
        the norm of the actual noise.
    tau : > 1.
    sigma_0 : lower bound of sigma_min(J_g(0)) > 0.
    modulus : Lambda, an upper bound of the linear centre modulus of J_g.
    lipschitz : r -> upper bound of the Lipschitz constant of J_g on B(theta_0, r) (a float or a Bound), nondecreasing.

    Raises
    ------
    ValueError : a negative or non-finite number, tau <= 1, eps = 0 (use :func:`zero_noise_rate`), sigma_0 = 0.

    A Jacobian that does not move (Lambda = Lip = 0) gives G = 0 and the classical bound of linear Landweber iteration:

    >>> d = discrepancy(1.0, 0.5, 0.1, 2.0, 1.0, 0.0, lambda r: 0.0)
    >>> d.certified, round(d.T_hat, 9), d.G_L
    (True, 50.0, 0.0)
    """
    _check(E_0=E_0, Phi_0=Phi_0, eps=eps, tau=tau, sigma_0=sigma_0, modulus=modulus)
    if tau <= 1:
        raise ValueError(f"the discrepancy principle needs tau > 1, not {tau}")
    if eps == 0:
        raise ValueError("the noise level must be positive; without noise use zero_noise_rate")
    if sigma_0 == 0:
        raise ValueError("sigma_0 must be positive (the Jacobian must have full row rank at the start)")
    with precision(_BITS):
        start = arb(tau) ** 2 * arb(eps) ** 2 / 2
        if start >= arb(Phi_0):
            return Discrepancy(True, 0.0, 0.0, 0.0, 0.0, 0.0, E_0, "the run starts below the discrepancy level")
        if E_0 == 0:
            return _failed("E_0 = 0 contradicts a residual above the discrepancy level: check E_0 and eps")
        c, u = path_constant(2 * Phi_0 / (tau * eps) ** 2)
        half = E_0 / (2 * (1 - 1 / tau))

        def need(G: float) -> float:
            return c * math.sqrt(half) * math.exp(min(G / 2, 700.0)) * (1 + 1e-12)

        budget, L = _search(sigma_0, modulus, lipschitz, need, need(0.0))
        if L is None:
            room = float(np.max(budget.grid[1:] * np.exp(-np.minimum(budget.G[1:], 1400.0) / 2)))
            return _failed(
                f"no path budget: the path needs {need(0.0):.3g} e^(G(L)/2) < L, but L e^(-G(L)/2) <= {room:.3g}; "
                "a larger width, output scale, noise level or tau, or a start nearer to the truth would do"
            )
        G = budget.enclose(L)
        energy = _ball("energy", E_0=E_0, G_L=G)
        T_hat = _ball("T_hat", E_0=E_0, G_L=G, tau=tau, eps=eps)
        E_bar = _ball("E_bar", E_0=E_0, G_L=G, tau=tau)
        t_1 = min(u * float(E_bar.mid()) / Phi_0, upper_float(T_hat))
        if t_1 > upper_float(T_hat) * (1 - 1e-9):  # no second part: do not let rounding invent one
            t_1 = upper_float(T_hat)
        if not (t_1 > 0 and _length(arb(t_1), arb(Phi_0), E_bar, T_hat) < arb(L)):
            return _failed("the budget found in float64 is not confirmed with outward rounding (a boundary case)")
        return Discrepancy(
            True,
            L,
            t_1,
            upper_float(T_hat),
            upper_float(E_bar),
            upper_float(G),
            upper_float(energy),
            f"the path up to the stopping time is shorter than {L:.4g}",
        )


def zero_noise_rate(
    E_0: float,
    Phi_0: float,
    sigma_0: float,
    modulus: float,
    lipschitz: Callable[[float], Any],
    T_1: float | None = None,
) -> ZeroNoiseRate:
    """|y(t) - y|^2 <= E_0 e^{G(L)} / t up to T_1 for noise-free data (`illposed.rate`).

    Parameters are those of :func:`discrepancy`; `E_0` is taken with any x* such that y = A x*. With `T_1` None the
    largest certified horizon (to 0.1 %) is returned; with `T_1` given, the smallest budget for that horizon.

    >>> zero_noise_rate(1.0, 0.5, 1.0, 0.0, lambda r: 0.0, T_1=100.0).residual_bound(100.0) <= 0.1 * (1 + 1e-12)
    True
    """
    _check(E_0=E_0, Phi_0=Phi_0, sigma_0=sigma_0, modulus=modulus)
    if sigma_0 == 0:
        raise ValueError("sigma_0 must be positive (the Jacobian must have full row rank at the start)")
    if T_1 is not None and not (T_1 > 0 and math.isfinite(T_1)):
        raise ValueError(f"the horizon T_1 must be positive and finite, not {T_1}")
    if E_0 == 0 or Phi_0 == 0:
        if Phi_0 == 0:
            return ZeroNoiseRate(True, 0.0, 0.0, T_1 or math.inf, 0.0, E_0, "the run starts at zero loss")
        return _no_rate("E_0 = 0 contradicts a positive loss: check E_0")

    def best(horizon: float, G: float) -> tuple[float, float]:
        energy = 0.5 * E_0 * math.exp(min(G, 600.0))
        c, u = path_constant(horizon * Phi_0 / energy)
        return c * math.sqrt(energy) * (1 + 1e-12), u * energy / Phi_0

    scale = best(E_0 / Phi_0 if T_1 is None else T_1, 0.0)[0]
    if T_1 is None:
        coarse = _Budget(sigma_0, modulus, lipschitz, scale)
        T_1 = _largest_horizon(lambda T: _smallest_budget(coarse, lambda G: best(T, G)[0]), E_0 / Phi_0)
        if T_1 is None:
            return _no_rate("no path budget satisfies the inequality for any horizon")
    horizon = T_1
    budget, L = _search(sigma_0, modulus, lipschitz, lambda G: best(horizon, G)[0], scale)
    if L is None:
        return _no_rate("no path budget satisfies the inequality for this horizon")
    with precision(_BITS):
        G_ball = budget.enclose(L)
        energy_ball = _ball("energy", E_0=E_0, G_L=G_ball)
        t_1 = best(T_1, float(G_ball.mid()))[1]
        t_1 = T_1 if t_1 > T_1 * (1 - 1e-9) else t_1
        if not (t_1 > 0 and _length(arb(t_1), arb(Phi_0), energy_ball / 2, arb(T_1)) < arb(L)):
            return _no_rate("not confirmed with outward rounding (a boundary case)")
        reason = f"the path up to t = {T_1:.4g} is shorter than {L:.4g}"
        return ZeroNoiseRate(True, L, t_1, T_1, upper_float(G_ball), upper_float(energy_ball), reason)


def _largest_horizon(find: Callable[[float], float | None], scale: float) -> float | None:
    """The largest horizon with a budget (the length grows with the horizon, so bisection in its logarithm is sound)."""
    lo, hi = math.log(scale) - 60.0, math.log(scale) + 300.0
    lo, hi = max(lo, -600.0), min(hi, 600.0)
    if find(math.exp(lo)) is None:
        return None
    if find(math.exp(hi)) is not None:
        return math.exp(hi)
    while hi - lo > 1e-3:
        mid = 0.5 * (lo + hi)
        if find(math.exp(mid)) is None:
            hi = mid
        else:
            lo = mid
    return math.exp(lo)
