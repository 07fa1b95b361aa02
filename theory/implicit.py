"""Enclosures of numbers that are given by an equation: roots and inverses of monotone functions (Arb).

A floating-point search only proposes; what is returned is an interval at whose ends ball evaluation has *proved* that the
function lies on the two sides of the value.  The intermediate value theorem does the rest: it puts a solution between
them, and uniqueness is argued where the number is made (monotonicity).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flint import acb, arb, ctx

from theory.functions import ImplicitRoot

__all__ = ["inverse_node", "precision", "root_node"]

Ball = Any
Node = Callable[[dict[Any, Ball], bool], Ball]

_REACH = 2.0**60
"""Largest |log s| at which an inverse is sought."""


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Run the body with python-flint's working precision set to `bits` (it is global to the thread; restored after)."""
    old = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = old


def root_node(expr: ImplicitRoot, f: Node) -> Node:
    """The node of an implicit root, `f` being its compiled expression; ArithmeticError if no sign change is proved."""

    def node(env: dict[Any, Ball], analytic: bool) -> Ball:
        bits = ctx.prec
        with precision(bits + 32):
            centre = arb(expr.mpmath_value(bits + 16))
            radius = arb(2) ** (-bits + max(0, math.ceil(math.log2(1 + float(abs(centre).upper())))))
            left, right = centre - radius, centre + radius
            product = f({expr.variable: left}, False) * f({expr.variable: right}, False)
            inside = left >= arb(int(expr.low.p)) / int(expr.low.q) and right <= arb(int(expr.high.p)) / int(
                expr.high.q
            )
            # intermediate value theorem; uniqueness is argued where the number is made
            if not (product < 0 and inside):
                raise ArithmeticError(f"no sign change was proved for {expr.name} at {bits} bits: raise the precision")
            return left.union(right)

    return node


def inverse_node(variable: Any, f: Node, slope: Node, inner: Node) -> Node:
    """The node of {s > 0 : f(s) = y}, f strictly monotone with derivative `slope`, y the value of `inner`.

    Parameters of f may be balls: the sign at an end is then proved for all of their values, and for all y of the ball.
    A NaN ball if no bracket is proved, for instance because y is outside the range of f.
    """

    def node(env: dict[Any, Ball], analytic: bool) -> Ball:
        y = inner(env, analytic)
        if isinstance(y, acb):
            raise NotImplementedError("a numerical inverse under an integral sign: it is enclosed for real balls only")
        bits = ctx.prec
        with precision(bits + 32):

            def gap(s: Ball) -> Ball:
                return f({**env, variable: s}, False) - y

            x, rising = _guess(lambda x: gap(x.exp()), lambda s: slope({**env, variable: s}, False), bits)
            if x is None:
                return arb.nan()
            ends = [_proved(gap, x, side, rising, bits) for side in (-1, 1)]
            if ends[0] is None or ends[1] is None:
                return arb.nan()
            return ends[0].union(ends[1])

    return node


def _guess(gap: Callable[[Ball], Ball], slope: Callable[[Ball], Ball], bits: int) -> tuple[Ball | None, bool]:
    """An approximate root of the midpoint of gap(log s), and whether the function rises; a proposal, nothing more."""

    def middle(x: Ball) -> Ball:
        return gap(x).mid()

    reach = 1.0
    while True:
        ends = middle(arb(-reach)), middle(arb(reach))
        if ends[0].is_finite() and ends[1].is_finite() and ends[0] * ends[1] <= 0:
            break
        reach *= 2
        if reach > _REACH:
            return None, False
    rising = bool(ends[1] > ends[0])
    low, high = arb(-reach), arb(reach)
    for _ in range(30 + math.ceil(math.log2(reach))):
        centre = ((low + high) / 2).mid()
        low, high = (low, centre) if (middle(centre) > 0) == rising else (centre, high)
    x = ((low + high) / 2).mid()
    for _ in range(math.ceil(math.log2(bits))):  # Newton's method from 30 bits: it doubles them
        s = x.exp()
        step = (gap(x) / (s * slope(s))).mid()
        if not (step.is_finite() and abs(step) < 1):
            break
        x = (x - step).mid()
    return x, rising


def _proved(gap: Callable[[Ball], Ball], x: Ball, side: int, rising: bool, bits: int) -> Ball | None:
    """e^{x ± d} for the smallest d = 2^j found at which the sign of the gap is proved; None if there is none."""
    positive = (side > 0) == rising

    def proof(j: int) -> Ball | None:
        s = (x + side * arb(2) ** j).exp()
        end = s.lower() if side < 0 else s.upper()
        value = gap(end)
        return end if end > 0 and (value > 0 if positive else value < 0) else None

    j = -bits - 8
    while j <= math.log2(_REACH):
        end = proof(j)
        if end is not None:
            return end
        j += 1 if j < -bits + 24 else 4
    return None
