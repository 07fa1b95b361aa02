"""What an activation has to say about itself, and what follows from that (`A.activation`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import sympy as sp
from flint import arb

from theory.balls import ball_function, enclose, gaussian_second_moment, precision
from theory.symbols import sym

__all__ = ["NO_ZEROS", "Activation", "ZeroSet"]


@dataclass(frozen=True)
class ZeroSet:
    """The zeros of φ': finitely many `points` (exact numbers, ascending), or points[0] + j·`period`, j ∈ Z.

    The open intervals between them are invariant under the flow of the pre-activations: both a coordinate of mirror
    flow (`wonly.mirror`) and a conserved quantity (`dip2.conservation`) live on one of them.
    """

    points: tuple[Any, ...] = ()
    period: Any = None
    argument: str = "φ' has no zero"

    def interval(self, a: float) -> tuple[Any, Any]:
        """The open interval I between consecutive zeros that holds the double `a`, as exact SymPy numbers.

        ValueError if `a` cannot be told from a zero at 256 bits (no double is one, except for rational zeros).
        """
        with precision(256):
            here = arb(a)
            if self.period is not None:
                start, step = (enclose(number, 256) for number in (self.points[0], self.period))
                j = ((here - start) / step).floor().unique_fmpz()
                if j is not None:
                    low = self.points[0] + sp.Integer(int(j)) * self.period
                    return low, low + self.period
                raise ValueError(f"a = {a!r} cannot be told from a zero of the derivative")
            edges = [-sp.oo, *self.points, sp.oo]
            for low, high in pairwise(edges):
                above = low is -sp.oo or here > enclose(low, 256)
                below = high is sp.oo or here < enclose(high, 256)
                if above and below:
                    return low, high
        raise ValueError(f"a = {a!r} cannot be told from a zero of the derivative")


NO_ZEROS = ZeroSet()


@dataclass(frozen=True)
class Activation:
    """An activation function φ with its constants, each with the argument for it.

    phi, dphi, ddphi    expressions in ``sym("x")``; the derivatives in forms without cancellation (tested)
    smooth              φ ∈ C¹ with Lipschitz derivative; where False, the item is outside the assumptions
    B1, B2              sup|φ'| and the Lipschitz constant of φ', exact numbers (B2 None: there is none)
    zeros               the zeros of φ'
    H, G                primitives of 1/φ' and of φ/φ' on each interval between zeros (None: no closed form); the
                        additive constant is whatever the expression has, and differs from one interval to the next
    odd, star_shaped    φ(−x) = −φ(x); φ(0) = 0 with |φ| nondecreasing and |φ(x)/x| nonincreasing in |x| (`dip2.amgm`)
    phi_sup             sup|φ|, an exact number (None: unbounded)
    C_phi_squared, C_dphi_squared   E φ(ζ)², E φ'(ζ)² in closed form, where there is one
    """

    name: str
    title: str
    phi: Any
    dphi: Any
    ddphi: Any
    smooth: bool
    B1: Any
    B1_argument: str
    B2: Any
    B2_argument: str
    zeros: ZeroSet
    H: Any
    G: Any
    odd: bool
    star_shaped: bool
    star_shaped_argument: str
    phi_sup: Any = None
    C_phi_squared: Any = None
    C_dphi_squared: Any = None
    cites: tuple[str, ...] = ()

    def arb_phi(self, x: Any, analytic: bool = False) -> Any:
        """φ of a real or complex ball."""
        return _compiled(self.phi)(x, analytic=analytic)

    def arb_dphi(self, x: Any, analytic: bool = False) -> Any:
        """φ' of a real or complex ball."""
        return _compiled(self.dphi)(x, analytic=analytic)

    def interval(self, a: float) -> tuple[Any, Any]:
        """The invariant interval of `a`: see :class:`ZeroSet`."""
        return self.zeros.interval(a)

    def C_phi(self, bits: int = 128) -> Any:
        """A ball containing C_φ = (E φ(ζ)²)^{1/2}.

        Envelope for the tail: |φ(x)| ≤ |φ(0)| + B1|x| by the mean value theorem.
        """
        return _moment(self.phi, self.C_phi_squared, abs(self.phi.subs(sym("x"), 0)), self.B1, self.smooth, bits)

    def C_dphi(self, bits: int = 128) -> Any:
        """A ball containing C_φ' = (E φ'(ζ)²)^{1/2}; envelope for the tail: |φ'| ≤ B1."""
        return _moment(self.dphi, self.C_dphi_squared, self.B1, sp.S.Zero, self.smooth, bits)


@lru_cache(maxsize=64)
def _compiled(expr: Any) -> Any:
    return ball_function(expr, [sym("x")])


@lru_cache(maxsize=64)
def _moment(expr: Any, closed: Any, offset: Any, slope: Any, smooth: bool, bits: int) -> Any:
    if not smooth:  # quadrature needs an analytic integrand
        with precision(bits + 16):
            return enclose(closed, bits).sqrt()
    with precision(bits + 40):
        a, b = enclose(offset, bits), enclose(slope, bits)
    square = gaussian_second_moment(_compiled(expr), a, b, bits)
    with precision(bits + 40):
        return square.sqrt()
