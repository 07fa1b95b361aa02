"""What random initialization gives with high probability: bounds of σ0, of the hidden norm and of the residual."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from flint import arb
from numpy.typing import NDArray

from numerics.activations import CompiledActivation
from numerics.compile import formula
from numerics.width.arithmetic import Arithmetic
from numerics.width.setting import Setting
from theory.balls import lower_float, precision, upper_float
from theory.losses import LOSSES

__all__ = ["GRID", "constants", "hidden_lower", "hidden_upper", "quantiles", "residual", "sigma_0", "usable_quantiles"]

Array = NDArray[np.float64]

GRID = 4000
"""More neurons than this are represented by this many quantiles (measured loss of capacity: up to one part in a thousand)."""


def constants(setting: Setting) -> dict[str, float]:
    """B1, B2, lower and upper doubles of C_φ and the lower one of C_φ', each on the safe side."""
    phi = setting.phi
    return {
        "B1": phi.B1.as_upper(),
        "B2": phi.B2.as_upper(),
        "C_phi_lower": phi.C_phi.lower,
        "C_phi_upper": phi.C_phi.upper,
        "C_dphi": phi.C_dphi.lower,
    }


def samples(setting: Setting, k: int) -> int:
    """The number of independent neurons among k."""
    return k // 2 if setting.antisymmetric else k


def usable_quantiles(setting: Setting) -> bool:
    """Whether f is monotone in every |a_i|, so that `dip2.order_statistics` bounds it (and that lemma is wanted)."""
    return setting.order_statistics and setting.phi.theory.star_shaped and setting.phi.theory.odd


@lru_cache(maxsize=256)
def quantiles(independent: int, T: float, side: str) -> Array:
    """Lower or upper bounds of |a|_(1) ≤ … (`dip2.order_statistics`), certified by Arb; at most GRID of them.

    With more neurons than GRID, entry j stands for the ranks in (j/GRID, (j+1)/GRID]: the mean over the neurons of a
    nondecreasing function of |a_i| is the integral over u in (0, 1) of its value at rank ⌈uk⌉, which is at least the one at
    q(u − ε), and a lower Riemann sum bounds that integral (an upper one for upper bounds).
    Upper bounds may be inf.  T ≥ ln 2, so that Massart's inequality applies (ValueError otherwise).
    """
    if math.log(2) > T:
        raise ValueError(f"one event of probability {math.exp(-T):.3g} is asked for; the inequality starts at 1/2")
    count = min(independent, GRID)
    out = np.empty(count)
    with precision(80):
        deviation = (arb(T) / (2 * independent)).sqrt()
        root2 = arb(2).sqrt()
        for j in range(count):
            if side == "lower":
                level = (arb(j + 1) if count == independent else arb(j)) / count - deviation
                out[j] = max(0.0, lower_float(root2 * level.erfinv())) if level > 0 else 0.0
            else:
                level = (arb(j) if count == independent else arb(j + 1)) / count + deviation
                out[j] = upper_float(root2 * level.erfinv()) if level < 1 else math.inf
    out.setflags(write=False)
    return out


@lru_cache(maxsize=256)
def _mean_square(phi: CompiledActivation, independent: int, T: float, side: str) -> float:
    """Bound of f² = mean of φ(a_i)² from the quantiles, on the given side; inf if the activation is unbounded."""
    points = quantiles(independent, T, side)
    finite = np.isfinite(points)
    value, error = phi.enclose_phi(points[finite])
    gamma = (points.size + 8) * 2.0**-53
    if side == "lower":
        return float(np.sum(np.maximum(np.abs(value) - error, 0.0) ** 2)) / points.size * (1 - 2 * gamma)
    top = phi.theory.phi_sup
    if top is None and not finite.all():
        return math.inf
    rest = 0.0 if finite.all() else float(np.sum(~finite)) * float(top) ** 2
    return (float(np.sum((np.abs(value) + error) ** 2)) + rest) / points.size * (1 + 2 * gamma)


def hidden_lower(setting: Setting, k: int, T: float, do: Arithmetic) -> float:
    """Lower bound of f = ‖φ(a)‖/√k but for one event of probability exp(−T): the better of the two lemmas.

    Which one is better depends on k, T and φ alone, not on what is drawn: no second event is spent.
    """
    c, independent = constants(setting), samples(setting, k)
    gaussian = do(
        "f_lo",
        "dip2.sigma0",
        "f_lo",
        "lower",
        B1=c["B1"],
        C_phi=c["C_phi_lower"],
        k=independent,
        delta=4 * math.exp(-T),
    )
    best = max(gaussian, 0.0)
    if usable_quantiles(setting):
        T = max(T, math.log(2))
        square = _mean_square(setting.phi, independent, T, "lower")
        if square > best * best:
            do.steps.pop()
            best = math.nextafter(math.sqrt(square), 0)
            do.note(
                "f_lo",
                best,
                "lower",
                "dip2.order_statistics",
                "root mean square of φ at the lower bounds of |a|_(i)",
                k=independent,
                T_log=T,
            )
    return best


def hidden_upper(setting: Setting, k: int, T: float, do: Arithmetic) -> float:
    """Upper bound of f but for one event of probability exp(−T), the better of the two lemmas likewise."""
    c, independent = constants(setting), samples(setting, k)
    best = do(
        "f_hi", "dip2.output_sub_gaussian", "f_hi", "upper", B1=c["B1"], C_phi=c["C_phi_upper"], k=independent, T_log=T
    )
    if usable_quantiles(setting):
        T = max(T, math.log(2))
        square = _mean_square(setting.phi, independent, T, "upper")
        if square < best * best:
            do.steps.pop()
            best = math.nextafter(math.sqrt(square), math.inf)
            do.note(
                "f_hi",
                best,
                "upper",
                "dip2.order_statistics",
                "root mean square of φ at the upper bounds of |a|_(i)",
                k=independent,
                T_log=T,
            )
    return best


def sigma_0(setting: Setting, k: int, event: float, f_lo: float | None, do: Arithmetic) -> float:
    """Lower bound of σ0 from f_lo (None: W only) and matrix Chernoff, which fails with probability `event`."""
    c = constants(setting)
    t_dev = do(
        "t_dev",
        "dip2.sigma0",
        "t_dev",
        "upper",
        B1=c["B1"],
        n=setting.n,
        D_V=setting.law.D_V,
        C_dphi=c["C_dphi"],
        k=samples(setting, k),
        delta=4 * event,
    )
    square = max(0.0, 1 - t_dev) * c["C_dphi"] ** 2 + (0.0 if f_lo is None else max(0.0, f_lo) ** 2)
    value = math.sqrt(max(square * (1 - 2.0**-50), 0.0))
    return do.note(
        "sigma_0",
        value,
        "lower",
        "dip2.sigma0",
        "root of (1 - t_dev)_+ C_dphi²" + ("" if f_lo is None else " + f_lo²"),
        **({} if f_lo is None else {"f_lo": f_lo}),
        t_dev=t_dev,
        C_dphi=c["C_dphi"],
    )


def residual(setting: Setting, k: int, event: float, f_hi: float | None, do: Arithmetic) -> float:
    """Upper bound of ‖y(0) − y‖.

    With `f_hi` by `dip2.output_sub_gaussian` (linear F; two more events of probability `event` each), without by
    `dip2.output0` (two events of probability `event`, the one of f included). Given or zero output: no event at all.
    """
    if setting.residual is not None:
        return do.note("residual", setting.residual, "upper", "", "given")
    y = setting.y_total
    if setting.antisymmetric:
        value = y if setting.F0_norm == 0 else math.nextafter(y + setting.F0_norm, math.inf)
        return do.note("residual", value, "upper", "dip2.antisymmetric", "‖F(0)‖ + ‖y‖, as x(0) = 0", y_norm=y)
    c = constants(setting)
    if f_hi is None:
        x0 = do(
            "x0_norm",
            "dip2.output0",
            "bound",
            "upper",
            B1=c["B1"],
            C_phi=c["C_phi_upper"],
            n=setting.n,
            D_V=setting.law.D_V,
            k=k,
            delta=4 * event,
        )
        return do(
            "residual",
            "dip2.output0",
            "residual",
            "upper",
            L_F=setting.s_L_F,
            x0_norm=x0,
            F0_norm=setting.F0_norm,
            y_norm=y,
        )
    square = do(
        "residual²",
        "dip2.output_sub_gaussian",
        "rho_0_squared_of_f",
        "upper",
        f_hi=f_hi,
        T_log=-math.log(event),
        **setting.operator_norms(),
    )
    value = math.sqrt(square)
    return do.note("residual", math.nextafter(value, math.inf), "upper", "dip2.output_sub_gaussian", "its root")


def rho_0(setting: Setting, residual: float, do: Arithmetic) -> float:
    """Upper bound of ψ(L_y(y(0))) from one of ‖y(0) − y‖; the same number for least squares."""
    if setting.loss == "least_squares":
        return residual
    statement = f"kl.{setting.loss}"
    known = {"r": residual, "m": float(setting.m), **parameters(setting)}
    wanted = {symbol.name for symbol in formula(statement, "rho_of_residual").free_symbols}
    return do("rho_0", statement, "rho_of_residual", "upper", **{key: known[key] for key in known if key in wanted})


def parameters(setting: Setting) -> dict[str, float]:
    """The parameters of the loss with their defaults filled in."""
    exact = LOSSES[setting.loss].exact(setting.loss_values)
    return {name: float(value) for name, value in exact.items()}


def deterministic_residual(setting: Setting) -> bool:
    """Whether the bound of the residual spends no event."""
    return setting.residual is not None or setting.antisymmetric
