"""The losses and their Kurdyka–Łojasiewicz data (`kl.least_squares`, …): ψ, ψ', Ψ and the decay of the loss.

Nothing is typed twice: formulas come from the records of :mod:`theory.losses` through :mod:`theory.kl`, and are derived when
they are first asked for.  The obligations check ψ against the loss itself (its entry) and what follows against ψ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import sympy as sp

from theory.losses import LOSSES, Loss
from theory.mutants.losses import CONSTANTS, MUTANTS
from theory.statement import Direction, LazyFormulas, Obligation, Statement
from theory.symbols import dpsi, sym

s, r, t, z, m, w, w_min = (sym(name) for name in ("s", "r", "t", "z", "m", "w", "w_min"))
sigma, loss_0, p, alpha, c, huber = sym("sigma"), sym("loss_0"), sym("p"), sym("alpha"), sym("c"), sym("huber")

_DECAY: Final = (
    "Wherever L(t) = L_y(y(t)) decreases with L' <= -sigma^2/psi'(L)^2, L(t) <= Psi^{-1}(Psi(L_0) + sigma^2 t), Psi a "
    "primitive of -(psi')^2; the formula bound is this, derived from psi. "
)
_INEQUALITY: Final = sp.Ge(dpsi(sym("loss")) * sym("grad_norm"), 1, evaluate=False)
_EXACT: Final[dict[str, Direction]] = {"psi": "exact", "dpsi": "exact", "Psi": "exact"}
_READS: Final = {
    "psi": "the desingularizing function",
    "dpsi": "its derivative",
    "Psi": "a primitive of -(psi')^2",
    "bound": "bound of the loss at time t",
    "rho_of_residual": "bound of psi(L_y(v)) from |v - y| <= r (m entries, unit weights)",
}
_TIMES: Final = "rho is psi(L) everywhere; the KL inequality and the radial one hold globally (r0 = infinity)."
_Q: Final = sp.Dummy("q", positive=True)  # covers exponents: p = 2 + q, or alpha on one side of one half
_S, _R = sp.Dummy("s", positive=True), sp.Dummy("r", positive=True)


def _formulas(loss: Loss) -> LazyFormulas:
    def make() -> dict[str, Any]:
        kl = loss.kl
        return {
            "psi": kl.psi(s),
            "dpsi": kl.dpsi(s),
            "Psi": kl.Psi(s),
            "bound": kl.Psi_inv(kl.Psi(loss_0) + sigma**2 * t),
            "rho_of_residual": _rho_of_residual(loss),
        }

    return LazyFormulas(tuple(_READS), make)


def _rho_of_residual(loss: Loss) -> Any:
    """ψ of the largest loss at a given ‖v − y‖; with weights w ≥ w_min their largest takes the place of w."""
    return sp.simplify(loss.psi.subs(s, loss.largest))


def entry_slope(loss: Loss) -> Any:
    """L and ‖∇L‖² for a single residual r > 0 (of the smallest weight), or for ‖r‖ where the loss sees nothing else."""
    whole = loss.outer.subs(z, loss.entry).subs({r: _R, w: w_min}).rewrite(sp.cosh)
    return whole, sp.powsimp(whole.diff(_R)) ** 2


def attained(loss: Loss, psi: Any = None) -> Callable[[], Any]:
    """ψ'(L)²‖∇L‖² − 1 for a single residual r > 0: vanishes if ψ belongs to the loss and cannot be smaller."""

    def zero() -> Any:
        value, slope = entry_slope(loss)
        given = (loss.psi if psi is None else psi).subs({s: _S, m: 1})
        return sp.powsimp(given.diff(_S).subs(_S, value) ** 2 * slope, force=False) - 1

    return zero


def _inverse_of_the_entry(loss: Loss) -> Callable[[], Any]:
    """ψ^{-1}(r) − L for a single residual r."""
    return lambda: sp.simplify(loss.kl.psi_inv(_R).subs(m, 1) - entry_slope(loss)[0])


def primitive(loss: Loss, Psi: Any = None) -> Callable[[], Any]:
    """Ψ' + ψ'², `Psi` an expression in ``s``."""
    return lambda: sp.powsimp(
        (loss.kl.Psi(_S) if Psi is None else Psi.subs(s, _S)).diff(_S) + loss.psi.subs(s, _S).diff(_S) ** 2
    )


def decay(loss: Loss, bound: Any = None) -> Callable[[], Any]:
    """bound' + σ²/ψ'(bound)², `bound` an expression in ``t``."""

    def zero() -> Any:
        value = loss.kl.Psi_inv(_tau_now()) if bound is None else bound
        slope = loss.psi.subs(s, _S).diff(_S).subs(_S, value)
        return sp.simplify(sp.powdenest(value.diff(t) * slope**2, force=True)) + sigma**2

    return zero


def _tau_now() -> Any:
    return sp.Dummy("tau", positive=True) + sigma**2 * t


def _common(loss: Loss, where: dict[Any, Any] | None = None, *, closed: bool = True) -> tuple[Obligation, ...]:
    given = where or {}
    rate = Obligation("L = Psi^{-1}(Psi(L_0) + sigma^2 t) solves L' = -sigma^2/psi'(L)^2", decay(loss), given)
    return (
        Obligation("psi'(L)^2 |grad L|^2 = 1 where the inequality is sharp", attained(loss), given),
        Obligation("psi inverts the loss of a single residual", _inverse_of_the_entry(loss), given),
        Obligation("Psi' = -(psi')^2", primitive(loss), given),
        *((rate,) if closed else ()),
    )


def _statement(loss: Loss, title: str, text: str, **rest: Any) -> Statement:
    return Statement(
        id=f"kl.{loss.name}",
        kind="lemma",
        origin="known",
        title=title,
        text=text + _DECAY,
        conclusion=_INEQUALITY,
        direction="upper",
        directions=_EXACT,
        formulas=_formulas(loss),
        reads=_READS,
        cites=("bolte2010",),
        mutants=MUTANTS[f"kl.{loss.name}"],
        constants=CONSTANTS[f"kl.{loss.name}"],
        **rest,
    )


# The records speak with the field's letters; statements are plain text, which terminals, LaTeX and pages all take.
_PLAIN: Final = str.maketrans(
    {"ψ": "psi", "δ": "huber", "∇": "grad ", "Σ": "sum of ", "√": "sqrt", "‖": "|", "⟨": "<", "⟩": ">", "≥": ">=", "≤": "<=",
     "−": "-", "²": "^2", "½": "1/2", "∞": "infinity", "α": "alpha", "Ł": "L", "·": "*"}
)  # fmt: skip


def _proof(loss: Loss, more: str = "") -> str:
    largest = f"From the residual: {loss.largest_argument}"
    return f"KL: {loss.kl_argument} Along the residual: {loss.range_radial_argument} {largest} {more}".translate(
        _PLAIN
    ).strip()


_LS, _WLS, _PP, _LP = (LOSSES[name] for name in ("least_squares", "weighted_least_squares", "p_power", "lp"))
_PH, _LC, _LO = (LOSSES[name] for name in ("pseudo_huber", "log_cosh", "lojasiewicz"))

LEAST_SQUARES = _statement(
    _LS,
    "Least squares",
    "L_y(v) = |v - y|^2/2 satisfies psi'(L)|grad L| = 1 and psi'(L)<v - y, grad L> = |v - y| with psi(s) = sqrt(2 s), "
    f"{_TIMES} The loss decays exponentially. ",
    proof=_proof(_LS),
    obligations=_common(_LS),
)

WEIGHTED = _statement(
    _WLS,
    "Weighted least squares",
    "L_y(v) = sum of w_i (v_i - y_i)^2/2 with smallest weight w_min > 0 satisfies psi'(L)|grad L| >= 1 and psi'(L)<v - y, "
    f"grad L> >= |v - y| with psi(s) = sqrt(2 s/w_min), {_TIMES} ",
    proof=_proof(_WLS),
    obligations=(
        *_common(_WLS),
        Obligation.inequality(
            "w_min w r^2 <= w^2 r^2 for w = w_min + z", w_min * w * r**2, w**2 * r**2, z * w * r**2, {w: w_min + z}
        ),
    ),
)

P_POWER = _statement(
    _PP,
    "Power of the norm",
    "L_y(v) = |v - y|^p/p with p > 2 satisfies psi'(L)|grad L| = 1 and psi'(L)<v - y, grad L> = |v - y| with psi(s) = "
    f"(p s)^{{1/p}}, {_TIMES} (p = 2 is kl.least_squares.) The loss decays like t^{{-p/(p-2)}}; on the ball |v - y| <= r "
    "its gradient is Lipschitz with constant (p - 1) r^{p-2}, and not globally. ",
    proof=_proof(_PP),
    obligations=(
        *_common(_PP, {p: 2 + _Q}),
        Obligation(
            "the decay exponent is -p/(p - 2): t L'/L tends to it",
            lambda: sp.simplify(_PP.kl.Psi_inv(t).diff(t) * t / _PP.kl.Psi_inv(t)) + p / (p - 2),
            {p: 2 + _Q},
        ),
        Obligation(
            "the largest eigenvalue of the Hessian of |r|^p/p, the second derivative along r",
            sp.powsimp((_R**p / p).diff(_R, 2)) - (p - 1) * _R ** (p - 2),
            {p: 2 + _Q},
        ),
    ),
)


def power_mean(exponent: Any = None) -> Callable[[], Any]:
    """ψ'(L)²‖∇L‖² − 1 for m residuals of size r, ψ with m to the given power (default: the one of the record)."""

    def zero() -> Any:
        psi = _LP.psi if exponent is None else m**exponent * (p * s) ** (1 / p)
        value, slope = m * _R**p / p, m * (_R ** (p - 1)) ** 2
        ready = psi.subs(s, _S).diff(_S).subs(_S, value) ** 2 * slope
        return sp.expand_log(sp.log(ready), force=True)  # everything is positive

    return zero


LP = _statement(
    _LP,
    "Entrywise power",
    "L_y(v) = sum of |v_i - y_i|^p/p over m entries, p > 2, satisfies psi'(L)|grad L| >= 1 and psi'(L)<v - y, grad L> >= "
    f"|v - y| with psi(s) = m^{{(p-2)/(2p)}} (p s)^{{1/p}}, {_TIMES} The power of m is the least possible (entries of "
    "equal size). Here |f'|^2 is a convex function of f, so the step for concave ones (subadditivity) goes the other way. ",
    proof=_proof(_LP),
    tight="equality for entries of equal size",
    obligations=(
        *_common(_LP, {p: 2 + _Q}, closed=False)[:2],
        Obligation("Psi' = -(psi')^2", primitive(_LP), {p: 2 + _Q}),
        Obligation("equality for m entries of equal size (logarithm of psi'^2 |grad L|^2)", power_mean(), {p: 2 + _Q}),
        Obligation(
            "the square of the slope, (p f)^{2(p-1)/p}, is a convex function of f",
            lambda: sp.powsimp(
                ((p * _S) ** (2 * (p - 1) / p)).diff(_S, 2) / (p * _S) ** (2 * (p - 1) / p) * _S**2
                - 2 * (p - 1) * (p - 2) / p**2
            ),
            {p: 2 + _Q},
            (2 * (p - 1) * (p - 2) / p**2,),
        ),
        Obligation(
            "m^{1/2 - 1/p} is the power of m in psi", (p - 2) / (2 * p) - (sp.Rational(1, 2) - 1 / p), {p: 2 + _Q}
        ),
    ),
)


def concave_slope(loss: Loss, curvature: Any, psi: Any = None) -> Callable[[], Any]:
    """−h'' − `curvature` for h = 1/ψ'²."""

    def zero() -> Any:
        h = 1 / (loss.psi if psi is None else psi).subs(s, _S).diff(_S) ** 2
        return -sp.simplify(h).diff(_S, 2) - curvature.subs(s, _S)

    return zero


PSEUDO_HUBER = _statement(
    _PH,
    "Pseudo-Huber",
    "L_y(v) = huber^2 sum of (sqrt(1 + (v_i - y_i)^2/huber^2) - 1) satisfies psi'(L)|grad L| >= 1 and psi'(L)<v - y, grad "
    f"L> >= psi(L) >= |v - y| with psi(s) = sqrt(s^2 + 2 huber^2 s)/huber, {_TIMES} With x = s/huber^2, Psi(s) = -x - "
    "ln(x/(x + 2))/2: the loss falls linearly while it is large, then exponentially; Psi has no inverse in closed form. "
    "The gradient is Lipschitz with constant 1. ",
    proof=_proof(_PH, "|f''| = (1 + r^2/huber^2)^{-3/2} <= 1."),
    tight="equality for a single nonzero entry",
    obligations=(
        *_common(_PH, closed=False),
        Obligation(
            "h = f'^2 as a function of f is concave",
            concave_slope(_PH, 6 * huber**6 / (s + huber**2) ** 4),
            nonnegative=(6 * huber**6 / (s + huber**2) ** 4,),
        ),
        Obligation("h vanishes at 0", lambda: sp.limit(sp.simplify(1 / _PH.psi.subs(s, _S).diff(_S) ** 2), _S, 0)),
        Obligation(
            "g = psi/psi' = r f' as a function of f is concave",
            lambda: (
                -sp.simplify(_PH.psi.subs(s, _S) / _PH.psi.subs(s, _S).diff(_S)).diff(_S, 2)
                - 2 * huber**4 / (_S + huber**2) ** 3
            ),
            nonnegative=(2 * huber**4 / (s + huber**2) ** 3,),
        ),
        Obligation(
            "entry(sqrt u) has the derivative 1/(2 sqrt(1 + u/huber^2)), which decreases",
            lambda: sp.simplify(_PH.entry.subs(r, sp.sqrt(_S)).diff(_S) - 1 / (2 * sp.sqrt(1 + _S / huber**2))),
        ),
        Obligation("psi^2 is convex", lambda: (_PH.psi**2).diff(s, 2) - 2 / huber**2, nonnegative=(2 / huber**2,)),
        Obligation(
            "f'' = (1 + r^2/huber^2)^{-3/2}",
            lambda: sp.simplify(_PH.entry.subs(r, _R).diff(_R, 2)) - (1 + _R**2 / huber**2) ** sp.Rational(-3, 2),
        ),
    ),
)

LOG_COSH = _statement(
    _LC,
    "Log-cosh",
    "L_y(v) = sum of log cosh(v_i - y_i) satisfies psi'(L)|grad L| >= 1 and psi'(L)<v - y, grad L> >= psi(L) >= |v - y| "
    f"with psi(s) = arcosh(e^s), {_TIMES} Psi(s) = -ln(e^{{2s}} - 1)/2 and Psi^{{-1}}(x) = ln(1 + e^{{-2x}})/2: linear, then "
    "exponential decay. The gradient is Lipschitz with constant 1. ",
    proof=_proof(_LC, "|f''| = 1 - tanh^2 <= 1."),
    tight="equality for a single nonzero entry",
    obligations=(
        *_common(_LC),
        Obligation(
            "h = 1 - e^{-2s} is concave, h(0) = 0",
            concave_slope(_LC, 4 * sp.exp(-2 * s)),
            nonnegative=(4 * sp.exp(-2 * s),),
        ),
        Obligation(
            "entry(sqrt u) has the derivative tanh(x)/(2x), x = sqrt u (it decreases, as x/tanh x increases)",
            lambda: sp.simplify((_LC.entry.subs(r, _S).diff(_S) / (2 * _S) - sp.tanh(_S) / (2 * _S)).rewrite(sp.exp)),
        ),
        Obligation(
            "g = r f' has the derivative 1 + 2r/sinh 2r by f",
            lambda: sp.simplify(((r * sp.tanh(r)).diff(r) / sp.tanh(r) - 1 - 2 * r / sp.sinh(2 * r)).rewrite(sp.exp)),
        ),
        Obligation(
            "2r/sinh 2r decreases: x cosh x - sinh x has the derivative x sinh x >= 0 and vanishes at 0",
            (r * sp.cosh(r) - sp.sinh(r)).diff(r) - r * sp.sinh(r),
            nonnegative=(r * sp.sinh(r),),
        ),
        Obligation(
            "r/tanh r increases: sinh r cosh r - r has the derivative 2 sinh^2 r >= 0 and vanishes at 0",
            sp.expand((sp.sinh(r) * sp.cosh(r) - r).diff(r).rewrite(sp.exp) - (2 * sp.sinh(r) ** 2).rewrite(sp.exp)),
            nonnegative=(2 * sp.sinh(r) ** 2,),
        ),
    ),
)

_EXTINCTION = c**2 * alpha**2 * loss_0 ** (2 * alpha - 1) / ((2 * alpha - 1) * sigma**2)
_FINITE = loss_0 * (1 - t / _EXTINCTION) ** (1 / (2 * alpha - 1))
_HALF = loss_0 * sp.exp(-4 * sigma**2 * t / c**2)
_BELOW = {alpha: 1 / (2 + _Q)}
_ABOVE = {alpha: (1 + _Q) / (2 + _Q)}


def _lojasiewicz_formulas() -> dict[str, Any]:
    made = dict(_formulas(_LO))
    # no value at or below one half, where the loss never vanishes
    return {**made, "bound_half": _HALF, "t_extinct": _EXTINCTION.subs(2 * alpha - 1, sp.Max(0, 2 * alpha - 1))}


LOJASIEWICZ = Statement(
    id="kl.lojasiewicz",
    kind="lemma",
    origin="known",
    title="The Lojasiewicz family and its three regimes",
    text="Let psi(s) = c s^alpha with c > 0 and 0 < alpha < 1; L_y(v) = (|v - y|/c)^{1/alpha} attains psi'(L)|grad L| = 1 and "
    f"psi'(L)<v - y, grad L> = |v - y|, {_TIMES} If L' <= -sigma^2/psi'(L)^2: for alpha = 1/2 the loss is at most L_0 "
    "exp(-4 sigma^2 t/c^2) (bound_half); for alpha < 1/2 it decays like t^{-1/(1-2 alpha)} (bound); for alpha > 1/2 it "
    "follows the same formula bound until the time t_extinct, and is 0 from then on. The regime alpha > 1/2 is outside "
    "A.loss.smooth: a loss with Lipschitz gradient has alpha <= 1/2 (kl.alpha_half), and the gradient of this one is not "
    "Lipschitz at its minimum.",
    conclusion=_INEQUALITY,
    direction="upper",
    directions=_EXACT,
    formulas=LazyFormulas((*_READS, "bound_half", "t_extinct"), _lojasiewicz_formulas),
    reads={
        **_READS,
        "bound": "bound of the loss at time t for alpha different from 1/2 (alpha > 1/2: before t_extinct)",
        "bound_half": "bound of the loss at time t for alpha = 1/2",
        "t_extinct": "time from which the loss is 0, for alpha > 1/2",
    },
    uses=("kl.alpha_half",),
    cites=("bolte2010",),
    proof=_proof(
        _LO,
        "Psi is a power of exponent 2 alpha - 1, or a logarithm for alpha = 1/2. For alpha > 1/2, Psi(0+) = 0 and Psi < 0, "
        "and sigma^2 t + Psi(L_0) reaches 0 at t_extinct.",
    ),
    obligations=(
        *_common(_LO, _BELOW),
        Obligation("above one half: Psi' = -(psi')^2", primitive(_LO), _ABOVE),
        Obligation("psi'(L)^2 |grad L|^2 = 1 above one half", attained(_LO), _ABOVE),
        Obligation(
            "alpha = 1/2: the exponential solves L' = -sigma^2/psi'(L)^2",
            lambda: decay(_LO, _HALF)().subs(alpha, sp.Rational(1, 2)),
        ),
        Obligation(
            "alpha > 1/2: L_0 (1 - t/t_extinct)^{1/(2 alpha - 1)} solves L' = -sigma^2/psi'(L)^2 (logarithm of the ratio)",
            lambda: finite_time(_EXTINCTION),
            _ABOVE,
        ),
        Obligation(
            "alpha > 1/2: the time at which sigma^2 t + Psi(L_0) = Psi(0) = 0",
            lambda: sp.powsimp(sigma**2 * _EXTINCTION + _LO.kl.Psi(loss_0)),
            _ABOVE,
        ),
        Obligation(
            "alpha < 1/2: the decay exponent is -1/(1 - 2 alpha)",
            lambda: sp.simplify(_LO.kl.Psi_inv(t).diff(t) * t / _LO.kl.Psi_inv(t)) + 1 / (1 - 2 * alpha),
            _BELOW,
        ),
    ),
    mutants=MUTANTS["kl.lojasiewicz"],
    constants=CONSTANTS["kl.lojasiewicz"],
)


def finite_time(extinction: Any) -> Any:
    """log(−L'/(σ²/ψ'(L)²)) for L = L_0 (1 − t/T)^{1/(2α−1)}, T the time of extinction: vanishes if L solves the equation."""
    left = sp.Dummy("left", positive=True)  # 1 - t/T
    e = 1 / (2 * alpha - 1)
    value = loss_0 * left**e
    speed = loss_0 * e * left ** (e - 1) / extinction
    ratio = speed * (c * alpha * value ** (alpha - 1)) ** 2 / sigma**2
    return sp.expand_log(sp.log(ratio), force=True)


ITEMS: Final = (LEAST_SQUARES, WEIGHTED, P_POWER, LP, PSEUDO_HUBER, LOG_COSH, LOJASIEWICZ)
