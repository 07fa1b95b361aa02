"""Kurdyka–Łojasiewicz desingularization: Ψ, its inverse and the rate, all derived from ψ (`A.loss.KL`).

A loss enters the theorems through ψ alone: ψ'(L)‖∇L‖ ≥ 1.  :func:`derive` differentiates, integrates and inverts ψ with
SymPy; nothing is typed in twice.  The rate of a gradient flow whose dissipation is −L' ≥ σ²/ψ'(L)² is then
L(t) ≤ Ψ^{-1}(σ²t + Ψ(L(0))), Ψ a primitive of −(ψ')² (`baseline.loss_rate`, `sharp.rate`).

Where ψ or Ψ has no inverse in closed form, :class:`MonotoneInverse` stands for it and is evaluated by bracketing.
Source: J. Bolte, A. Daniilidis, O. Ley, L. Mazet, Trans. Amer. Math. Soc. 362 (2010), 3319–3363.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import sympy as sp

from theory import symbols
from theory.symbols import sym

__all__ = ["Desingularizer", "ExceptionalParameter", "MonotoneInverse", "derive"]


class MonotoneInverse(sp.Function):
    """The s > 0 with f(s) = y, for a strictly monotone f on (0, ∞): ``MonotoneInverse(Lambda(s, f(s)), y)``.

    >>> s = sym("s")
    >>> MonotoneInverse(sp.Lambda(s, s + sp.exp(s)), 1 + sp.E).n(15)
    1.00000000000000
    """

    nargs = 2

    @property
    def free_symbols(self) -> set[Any]:
        """Those of the value and the parameters of the function; its own variable is bound."""
        return set().union(*(argument.free_symbols for argument in self.args))

    def _latex(self, printer: Any, exp: Any = None) -> str:
        function, value = self.args
        body = printer._print(function.expr)
        variable = printer._print(function.variables[0])
        inverse = rf"\left({variable} \mapsto {body}\right)^{{-1}}\left({printer._print(value)}\right)"
        return inverse if exp is None else rf"\left({inverse}\right)^{{{exp}}}"

    def _eval_is_nonnegative(self) -> Any:
        return self.args[1].is_extended_real

    def fdiff(self, argindex: int = 2) -> Any:
        """1/f' at the inverse, in the second argument; the first one is not a variable."""
        if argindex != 2:
            raise sp.ArgumentIndexError(self, argindex)
        function = self.args[0]
        return 1 / function.expr.diff(function.variables[0]).subs(function.variables[0], self)

    def _eval_evalf(self, prec: int) -> Any:
        function, y = self.args
        if function.free_symbols or not y.is_number:
            return None
        digits = mpmath.libmp.prec_to_dps(prec) + 10
        with mpmath.workprec(prec + 30):

            def gap(log_s: Any) -> Any:
                value = function(sp.Float(mpmath.exp(log_s), digits)) - y
                return sp.N(value, digits)._to_mpmath(prec + 30)

            return sp.Expr._from_mpmath(mpmath.exp(_bracketed_root(gap)), prec)


def _bracketed_root(f: Callable[[Any], Any]) -> Any:
    """The root of a monotone function on the line: growing bracket, bisection to 2^{-10}, Anderson–Björck."""
    reach = mpmath.mpf(1)
    while f(-reach) * f(reach) > 0:
        reach *= 2
        if reach > 2**20:
            raise ValueError("no root: the value is outside the range of the function to be inverted")
    low, high = -reach, reach
    rising = f(high) > 0
    while high - low > mpmath.mpf(2) ** -10:
        middle = (low + high) / 2
        low, high = (low, middle) if (f(middle) > 0) == rising else (middle, high)
    return mpmath.findroot(f, (low, high), solver="anderson", maxsteps=100, verify=False)


class ExceptionalParameter(ValueError):
    """A formula for generic parameters at a value where it is another one (a power that becomes a logarithm)."""


@dataclass(frozen=True)
class Desingularizer:
    """ψ and what follows from it, as SymPy Lambdas of one argument.

    `psi` maps a loss to a length, `Psi` is a primitive of −(ψ')² (decreasing), `psi_inv` and `Psi_inv` the inverses.
    `r0` is the loss value below which the KL inequality holds (∞: globally); `closed_form` says whether both inverses
    are expressions rather than :class:`MonotoneInverse`.  Parameters (such as ``w_min``) stay symbols until
    :meth:`substitute`.
    """

    psi: Any
    dpsi: Any
    psi_inv: Any
    Psi: Any
    Psi_inv: Any
    r0: Any
    closed_form: bool

    def apply(self, expr: Any) -> Any:
        """`expr` with the undefined functions psi, dpsi, psi_inv, Psi, Psi_inv of :mod:`theory.symbols` filled in.

        >>> least_squares = derive(sp.sqrt(2 * sym("s")))
        >>> least_squares.apply(symbols.Psi_inv(symbols.Psi(sym("loss_0")) + sym("t")))
        loss_0*exp(-2*t)
        """
        for name in ("psi", "dpsi", "psi_inv", "Psi", "Psi_inv"):
            expr = expr.replace(getattr(symbols, name), getattr(self, name))
        return expr

    def substitute(self, values: Mapping[Any, Any]) -> Desingularizer:
        """The same with parameters replaced; doubles are taken as the exact rationals that they are.

        >>> derive(sp.sqrt(2 * sym("s") / sym("w_min"))).substitute({sym("w_min"): 0.25}).psi(sym("s"))
        2*sqrt(2)*sqrt(s)
        """
        exact = {
            key: sp.Rational(value) if isinstance(value, float) else sp.sympify(value) for key, value in values.items()
        }

        def put(function: Any) -> Any:
            filled = function.expr.subs(exact)
            if filled.has(sp.zoo, sp.nan, sp.oo, -sp.oo):
                raise ExceptionalParameter(
                    f"{function.expr} has no value at {exact}: fill in the value before deriving"
                )
            return sp.Lambda(function.variables, filled)

        return replace(
            self,
            psi=put(self.psi),
            dpsi=put(self.dpsi),
            psi_inv=put(self.psi_inv),
            Psi=put(self.Psi),
            Psi_inv=put(self.Psi_inv),
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the parameters, sorted.

        >>> derive(sp.sqrt(2 * sym("s") / sym("w_min"))).symbols
        ('w_min',)
        """
        return tuple(sorted(s.name for s in self.psi.free_symbols | self.Psi.free_symbols))


_UNDO: dict[Any, Callable[[Any], Any]] = {sp.exp: sp.log, sp.log: sp.exp, sp.acosh: sp.cosh, sp.asinh: sp.sinh}


def _peel(expr: Any, s: Any, value: Any) -> Any | None:
    """Solve expr(s) = value for s > 0 by undoing one operation after another; None where s occurs twice.

    (``sympy.solve`` recurses without end on some of these.)
    """
    while expr != s:
        if expr.is_Add or expr.is_Mul:
            known, rest = expr.as_independent(s, as_Add=expr.is_Add)
            value = value - known if expr.is_Add else value / known
            if rest.func is expr.func:  # s in several terms: a quadratic is the one case that occurs
                return _positive_quadratic_root(rest, s, value)
            expr = rest
        elif expr.is_Pow and not expr.exp.has(s):
            value, expr = value ** (1 / expr.exp), expr.base
        elif expr.func in _UNDO:
            value, expr = _UNDO[expr.func](value), expr.args[0]
        else:
            return None
    return value


def _positive_quadratic_root(expr: Any, s: Any, value: Any) -> Any | None:
    if not expr.is_polynomial(s) or sp.degree(expr, s) != 2:
        return None
    a, b, c = sp.Poly(expr - value, s).all_coeffs()
    if b.is_positive:  # the same root without the difference of nearly equal numbers
        return -2 * c / (b + sp.sqrt(b**2 - 4 * a * c))
    return (-b + sp.sqrt(b**2 - 4 * a * c)) / (2 * a)


def _inverse(function: Any, value: Any) -> Any | None:
    """The inverse of an injective Lambda in closed form, checked by composition; None if there is none."""
    s = function.variables[0]
    candidate = _peel(function.expr, s, value)
    if candidate is None:
        return None
    back = sp.simplify(candidate.subs(value, function.expr))
    back = back.replace(
        lambda e: e.is_Pow and e.exp == sp.S.Half and e.base.is_Add, lambda e: sp.sqrt(sp.factor(e.base))
    )
    return candidate if sp.simplify(back - s) == 0 or sp.powdenest(back, force=True) == s else None


def derive(psi: Any, r0: Any = sp.oo) -> Desingularizer:
    """Everything that the theorems need, from ψ: an expression in ``sym("s")`` or a Lambda, increasing on (0, r0).

    Inverses that SymPy finds are kept only if composition gives back the argument.  ValueError if ψ(0) ≠ 0 or if SymPy
    cannot integrate (ψ')².  Parameters are generic: where the integral is a power except at one value of a parameter,
    the power is returned, and :meth:`Desingularizer.substitute` refuses that value (fill it in before deriving).

    >>> d = derive(sp.sqrt(2 * sym("s")))
    >>> d.Psi(sym("s")), d.Psi_inv(sym("t")), d.psi_inv(sym("rho"))
    (-log(s)/2, exp(-2*t), rho**2/2)
    """
    s = sym("s")
    expr = psi(s) if isinstance(psi, sp.Lambda) else sp.sympify(psi)
    positive = sp.Dummy("s", positive=True)  # the derivative and the integral live on s > 0
    factor, shape = expr.subs(s, positive).as_independent(positive, as_Add=False)
    if sp.limit(shape, positive, 0, "+") != 0:
        raise ValueError(f"a desingularizing function vanishes at 0; {expr} does not")
    K = sp.Dummy("K", positive=True)  # stands for the constant factor, which SymPy would mix into the powers
    slope = sp.simplify(shape.diff(positive))
    primitive = sp.integrate(-sp.simplify(slope**2), positive)
    if primitive.has(sp.Integral):
        raise ValueError(f"SymPy finds no primitive of the square of {slope}: give psi in another form")
    primitive = primitive.replace(sp.Piecewise, lambda generic, *exceptional: generic[0])
    primitive = sp.expand_mul(sp.expand_log(sp.simplify(primitive)))
    rho, tau = sp.Dummy("rho", nonnegative=True), sp.Dummy("tau", real=True)
    unit = factor is sp.S.One
    big = sp.Lambda(positive, primitive if unit else K**2 * primitive)
    small = sp.Lambda(positive, shape if unit else K * shape)
    psi_inv, Psi_inv = _inverse(small, rho), _inverse(big, tau)
    small, big = (sp.Lambda(positive, f.expr.subs(K, factor)) for f in (small, big))
    psi_inv, Psi_inv = (g if g is None else g.subs(K, factor) for g in (psi_inv, Psi_inv))
    closed = psi_inv is not None and Psi_inv is not None
    return Desingularizer(
        psi=small,
        dpsi=sp.Lambda(positive, factor * slope),
        psi_inv=sp.Lambda(rho, MonotoneInverse(small, rho) if psi_inv is None else psi_inv),
        Psi=big,
        Psi_inv=sp.Lambda(tau, MonotoneInverse(big, tau) if Psi_inv is None else Psi_inv),
        r0=sp.sympify(r0),
        closed_form=closed,
    )
