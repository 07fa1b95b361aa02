"""Certified evaluation of SymPy expressions in ball arithmetic (Arb, through python-flint).

:func:`ball_function` turns an expression into a closure over Arb numbers by walking its tree, so that the enclosure
comes from the same expression as the formula that is printed and the float that is computed.  Every operation encloses
(Arb's contract), hence so does the result.  Real balls (``arb``) and complex ones (``acb``) both work; complex ones are
what ``acb.integral`` feeds, and there the `analytic` flag reaches every node with a branch cut (√, log, powers, |·|,
max, min): without it a quadrature across a cut is confidently wrong.  A node that is not known to be safe is rejected
by name, never guessed.

An undefined operation (the root of a negative number) gives a NaN ball; who calls decides what that means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from flint import acb, arb, fmpq

from theory.functions import (
    Given,
    ImplicitRoot,
    acosh_exp,
    asinh_exp,
    expit,
    expm1,
    log1p,
    log_cosh,
    normal_cdf,
    softplus,
)
from theory.implicit import inverse_node, precision, root_node
from theory.kl import MonotoneInverse
from theory.stable import stable

__all__ = ["ball_function", "enclose", "gaussian_second_moment", "lower_float", "precision", "upper_float"]

_EVALUATIONS = 10_000  # of an integrand; smooth ones take a few hundred
Ball = Any
Node = Callable[[dict[Any, Ball], bool], Ball]


def lower_float(ball: Any) -> float:
    """The largest double found that is proved ≤ every number of the real ball; −∞ for a ball that says nothing (NaN)."""
    return -upper_float(-ball)


def upper_float(ball: Any) -> float:
    """The smallest double found that is proved ≥ every number of the real ball; +∞ for a ball that says nothing (NaN).

    Never NaN: ``max(0.0, nan)`` is 0.0, and a bound that nobody proved would pass for the best one there is.

    >>> with precision(100):
    ...     lower_float(arb(1) / 3) == 1 / 3 < upper_float(arb(1) / 3) == math.nextafter(1 / 3, 1)
    True
    >>> upper_float(arb(0.1)) == 0.1  # a double is its own enclosure
    True
    """
    if ball.is_nan():
        return math.inf
    top = ball.upper()
    if not top.is_finite():
        return math.inf if top > 0 else -1.7976931348623157e308
    value = float(top)
    while not top <= arb(value):  # the conversion rounds to nearest: at most one step is needed
        value = math.nextafter(value, math.inf)
    return value


def _expit(x: Ball) -> Ball:
    return 1 / (1 + (-x).exp())


def _softplus(x: Ball, analytic: bool) -> Ball:
    if isinstance(x, acb):
        return (1 + x.exp()).log(analytic=analytic)
    # log(1 + e^x) = x + log(1 + e^{-x}): take the side where the exponential is small
    return x + (-x).exp().log1p() if x > 0 else x.exp().log1p()


def _normal_cdf(x: Ball) -> Ball:
    return (-x / arb(2).sqrt()).erfc() / 2


def _erfinv(x: Ball) -> Ball:
    return arb(0) if x.is_zero() else x.erfinv()


def _far_log_cosh(x: Ball) -> Ball:
    return x + (-2 * x).exp().log1p() - arb(2).log()


def _abs(x: Ball, analytic: bool) -> Ball:
    return x.real_abs(analytic=analytic) if isinstance(x, acb) else abs(x)


def _extremum(name: str) -> Callable[[Ball, Ball, bool], Ball]:
    def pick(x: Ball, y: Ball, analytic: bool) -> Ball:
        if isinstance(x, acb) or isinstance(y, acb):
            return getattr(acb(x), f"real_{name}")(acb(y), analytic=analytic)
        return getattr(x, name)(y)

    return pick


# Meromorphic on the whole plane: no flag is needed (a pole gives a non-finite ball, which acb.integral handles).
_MEROMORPHIC: dict[Any, Callable[[Ball], Ball]] = {
    sp.exp: lambda x: x.exp(),
    sp.tanh: lambda x: x.tanh(),
    sp.sinh: lambda x: x.sinh(),
    sp.cosh: lambda x: x.cosh(),
    sp.sech: lambda x: x.sech(),
    sp.sin: lambda x: x.sin(),
    sp.cos: lambda x: x.cos(),
    sp.tan: lambda x: x.tan(),
    sp.erf: lambda x: x.erf(),
    sp.erfc: lambda x: x.erfc(),
    sp.erfi: lambda x: x.erfi(),
    expit: _expit,
    normal_cdf: _normal_cdf,
    expm1: lambda x: x.expm1() if isinstance(x, arb) else x.exp() - 1,
}
# With branch cuts and a flag in python-flint.
_FLAGGED: dict[Any, Callable[[Ball, bool], Ball]] = {
    sp.log: lambda x, analytic: x.log(analytic=analytic) if isinstance(x, acb) else x.log(),
    softplus: _softplus,
    log1p: lambda x, analytic: (1 + x).log(analytic=analytic) if isinstance(x, acb) else x.log1p(),
    sp.Abs: _abs,
}
# With branch cuts and no flag: real arguments only.
_REAL_ONLY: dict[Any, Callable[[Ball], Ball]] = {
    sp.asinh: lambda x: x.asinh(),
    sp.acosh: lambda x: x.acosh(),
    sp.atanh: lambda x: x.atanh(),
    sp.asin: lambda x: x.asin(),
    sp.atan: lambda x: x.atan(),
    log_cosh: lambda x: (2 * (x / 2).sinh() ** 2).log1p() if abs(x) < 1 else _far_log_cosh(abs(x)),
    acosh_exp: lambda x: x + (-(-2 * x).expm1()).sqrt().log1p(),
    sp.LambertW: lambda x: x.lambertw(),
    sp.erfinv: _erfinv,
    sp.erfcinv: lambda x: x.erfcinv(),
}


def _unary(function: Callable[[Ball], Ball], inner: Node) -> Node:
    return lambda env, analytic: function(inner(env, analytic))


def _flagged(function: Callable[[Ball, bool], Ball], inner: Node) -> Node:
    return lambda env, analytic: function(inner(env, analytic), analytic)


def _real_only(name: str, function: Callable[[Ball], Ball], inner: Node) -> Node:
    def node(env: dict[Any, Ball], analytic: bool) -> Ball:
        x = inner(env, analytic)
        if isinstance(x, acb):
            raise NotImplementedError(f"{name} under an integral sign: its branch cuts are not tracked")
        return function(x)

    return node


def _constant(make: Callable[[], Ball]) -> Node:
    return lambda env, analytic: make()


def _rational(expr: Any) -> Node:
    p, q = int(expr.p), int(expr.q)
    if q == 1:
        return lambda env, analytic: arb(p)
    return lambda env, analytic: arb(fmpq(p, q))


def _float(expr: Any) -> Node:
    sign, mantissa, exponent, _ = expr._mpf_
    value = sp.Rational(int(mantissa) * (-1 if sign else 1)) * sp.Rational(2) ** int(exponent)
    return _rational(value)


def _power(base: Any, exponent: Any) -> Node:
    inner = _compile(base)
    if exponent.is_Integer:
        n = int(exponent)

        def integer(env: dict[Any, Ball], analytic: bool) -> Ball:
            x = inner(env, analytic)
            if n > 0 and isinstance(x, arb) and x.contains(0):
                return (acb(x) ** n).real  # by products; arb's power takes the logarithm and knows nothing here
            return x**n

        return integer
    if exponent.is_Rational and exponent.q == 2:
        n = int(exponent.p)
        nonnegative = bool(base.is_nonnegative)  # by the assumptions on the symbols: Max(0, ...) and squares

        def half(env: dict[Any, Ball], analytic: bool) -> Ball:
            x = inner(env, analytic)
            if nonnegative and n == 1 and isinstance(x, arb) and x.contains(0) and x.is_finite():
                return arb(0).union(x.upper().sqrt())  # the part of the ball below 0 is not the number's
            root = x.sqrt(analytic=analytic) if isinstance(x, acb) else x.sqrt()
            return root**n

        return half
    outer = _compile(exponent)

    def general(env: dict[Any, Ball], analytic: bool) -> Ball:
        x, e = inner(env, analytic), outer(env, analytic)
        if isinstance(x, acb) or isinstance(e, acb):
            return acb(x).pow(acb(e), analytic=analytic)
        if x.is_zero() and e > 0:
            return arb(0)
        return (e * x.log()).exp()

    return general


def _fold(nodes: Sequence[Node], product: bool) -> Node:
    first, rest = nodes[0], tuple(nodes[1:])

    def add(env: dict[Any, Ball], analytic: bool) -> Ball:
        total = first(env, analytic)
        for node in rest:
            total = total + node(env, analytic)
        return total

    def multiply(env: dict[Any, Ball], analytic: bool) -> Ball:
        total = first(env, analytic)
        for node in rest:
            total = total * node(env, analytic)
        return total

    return multiply if product else add


def _reduce(pick: Callable[[Ball, Ball, bool], Ball], nodes: Sequence[Node]) -> Node:
    def node(env: dict[Any, Ball], analytic: bool) -> Ball:
        best = nodes[0](env, analytic)
        for other in nodes[1:]:
            best = pick(best, other(env, analytic), analytic)
        return best

    return node


def _heaviside(expr: Any) -> Node:
    inner, at_zero = _compile(expr.args[0]), _compile(expr.args[1])

    def node(env: dict[Any, Ball], analytic: bool) -> Ball:
        x = inner(env, analytic)
        if isinstance(x, acb):
            return x.real_heaviside(analytic=analytic)
        if x > 0:
            return arb(1)
        if x < 0:
            return arb(0)
        return at_zero(env, analytic) if x.is_zero() else arb(0).union(arb(1))

    return node


def _asinh_exp(expr: Any) -> Node:
    exponent, factor = (_compile(part) for part in expr.args)

    def node(env: dict[Any, Ball], analytic: bool) -> Ball:
        x, p = exponent(env, analytic), factor(env, analytic)
        if isinstance(x, acb) or isinstance(p, acb):
            raise NotImplementedError("asinh_exp under an integral sign: its branch cuts are not tracked")
        return x + (p.sqrt() + (p + (-2 * x).exp()).sqrt()).log() if x > 1 else (x.exp() * p.sqrt()).asinh()

    return node


def _integral(expr: Any) -> Node:
    if len(expr.limits) != 1 or len(expr.limits[0]) != 3:
        raise NotImplementedError(f"only single definite integrals are enclosed, got {expr}")
    variable, low, high = expr.limits[0]
    integrand, lower, upper = _compile(expr.function), _compile(low), _compile(high)

    def node(env: dict[Any, Ball], analytic: bool) -> Ball:
        a, b = lower(env, analytic), upper(env, analytic)
        if isinstance(a, acb) or isinstance(b, acb):
            raise NotImplementedError("nested integrals are not enclosed")
        # across a pole the default limit, thousands of evaluations a bit, would go on for hours; the ball stays valid
        inner = lambda z, flag: acb(integrand({**env, variable: z}, flag))  # noqa: E731
        return acb.integral(inner, acb(a), acb(b), eval_limit=_EVALUATIONS).real

    return node


def _hyper(expr: Any) -> Node:
    upper, lower = [[_compile(p) for p in group] for group in expr.args[:2]]
    inner = _compile(expr.args[2])

    def node(env: dict[Any, Ball], analytic: bool) -> Ball:
        x = inner(env, analytic)
        value = acb(x).hypgeom([acb(p(env, False)) for p in upper], [acb(q(env, False)) for q in lower])
        return value if isinstance(x, acb) else value.real

    return node


def _polylog(expr: Any) -> Node:
    order, inner = _compile(expr.args[0]), _compile(expr.args[1])

    def node(env: dict[Any, Ball], analytic: bool) -> Ball:
        x = inner(env, analytic)
        if isinstance(x, acb) or not x < 1:
            raise NotImplementedError("the polylogarithm is enclosed for real arguments below 1 only")
        return acb(x).polylog(acb(order(env, False))).real

    return node


def _compile(expr: Any) -> Node:
    """The closure of one node, chosen by its type; NotImplementedError with the name of what has no rule."""
    kind = expr.func
    if expr.is_Symbol:
        return lambda env, analytic: env[expr]
    if expr.is_Rational:
        return _rational(expr)
    if expr.is_Float:
        return _float(expr)
    if expr is sp.pi:
        return _constant(arb.pi)
    if expr is sp.E:
        return _constant(arb.const_e)
    if expr is sp.EulerGamma:
        return _constant(arb.const_euler)
    if isinstance(expr, Given):
        return _rational(expr.value)
    if isinstance(expr, ImplicitRoot):
        return root_node(expr, _compile(expr.expression))
    if isinstance(expr, MonotoneInverse):
        s = expr.args[0].variables[0]
        body = stable(expr.args[0].expr)
        return inverse_node(s, _compile(body), _compile(stable(body.diff(s))), _compile(expr.args[1]))
    if expr.is_Add or expr.is_Mul:
        return _fold([_compile(a) for a in expr.args], product=expr.is_Mul)
    if expr.is_Pow:
        return _power(*expr.args)
    if kind in _MEROMORPHIC:
        return _unary(_MEROMORPHIC[kind], _compile(expr.args[0]))
    if kind in _FLAGGED:
        return _flagged(_FLAGGED[kind], _compile(expr.args[0]))
    if kind in _REAL_ONLY and len(expr.args) == 1:
        return _real_only(kind.__name__, _REAL_ONLY[kind], _compile(expr.args[0]))
    if kind in (sp.Max, sp.Min):
        return _reduce(_extremum(kind.__name__.lower()), [_compile(a) for a in expr.args])
    if kind is asinh_exp:
        return _asinh_exp(expr)
    if kind is sp.Heaviside:
        return _heaviside(expr)
    if kind is sp.hyper:
        return _hyper(expr)
    if kind is sp.polylog:
        return _polylog(expr)
    if kind is sp.Integral:
        return _integral(expr)
    raise NotImplementedError(
        f"no enclosure rule for {kind.__name__} in {expr}: add one to theory.balls, or rewrite the formula"
    )


def ball_function(expr: Any, args: Sequence[Any]) -> Callable[..., Ball]:
    """A function of Arb numbers, in the order of the symbols `args`; keyword `analytic` as in ``acb.integral``.

    It works at the precision in force when it is called.  NotImplementedError if a node has no rule; ValueError if a
    symbol of the expression is not among `args`.

    >>> x = sp.Symbol("x", real=True)
    >>> float(ball_function(sp.tanh(x) ** 2, [x])(arb(0.5))) == math.tanh(0.5) ** 2
    True
    """
    expr = sp.sympify(expr)
    missing = expr.free_symbols - set(args)
    if missing:
        raise ValueError(f"symbols without a value: {', '.join(sorted(map(str, missing)))}")
    node, names = _compile(expr), tuple(args)

    def function(*values: Ball, analytic: bool = False) -> Ball:
        return node(dict(zip(names, values, strict=True)), analytic)

    return function


def enclose(number: Any, bits: int = 128) -> Any:
    """A real ball that contains the number (an expression without free symbols), of about `bits` bits.

    >>> float(enclose(4 / (3 * sp.sqrt(3))).rad()) < 1e-35
    True
    """
    with precision(bits + 16):
        return arb(ball_function(number, ())())


def gaussian_second_moment(function: Callable[..., Ball], offset: Any, slope: Any, bits: int = 128) -> Any:
    """A ball containing E f(ζ)², ζ ~ N(0,1), for f with |f(x)| ≤ offset + slope·|x| on the real line.

    `function(z, analytic=...)` maps complex balls to complex balls; the envelope is for the caller to prove.
    On [−T, T] Arb's Gauss–Legendre quadrature encloses; the rest is at most
    2∫_T^∞ (a + bx)² γ(x) dx = 2(a²Q + 2abγ(T) + b²(Tγ(T) + Q)),  γ the density, Q = P(ζ > T),
    since ∫_T^∞ xγ = γ(T) and ∫_T^∞ x²γ = Tγ(T) + Q (integration by parts), and it is not negative.
    T is the first integer for which that is below 2^{-bits-2}.
    """
    with precision(bits + 40):
        a, b, goal = arb(offset), arb(slope), arb(2) ** (-bits - 2)
        T, tail = 2, arb(1)
        while not tail < goal:
            T += 1
            density = (-(arb(T) ** 2) / 2).exp() / (2 * arb.pi()).sqrt()
            Q = (T / arb(2).sqrt()).erfc() / 2
            tail = 2 * (a**2 * Q + 2 * a * b * density + b**2 * (T * density + Q))
        body = acb.integral(
            lambda z, flag: acb(function(z, analytic=flag)) ** 2 * (-z * z / 2).exp(), -T, T, abs_tol=goal, rel_tol=goal
        )
        moment = body.real / (2 * arb.pi()).sqrt() + tail.union(arb(0))
        if not moment.is_finite():
            raise ArithmeticError(
                "the Gaussian integral did not converge: is the integrand analytic near the real line?"
            )
        return moment
