"""The numbers of a problem from which the bounds follow: bases of Im T' and Im C, neurons, residuals."""

from __future__ import annotations

from functools import cached_property
from operator import mul
from typing import Any

from flint import arb

from .activations import RANGE, pair
from .matrices import Fix, around, exponent, integers, length, norm_of, off_identity, to_integers, two
from .problem import Declaration
from .strict import need
from .sweep import sweep


class Problem(Declaration):
    """The declared problem and, on demand, every number of it that a bound needs (see the package's docstring)."""

    # -- Im T'
    @cached_property
    def B(self) -> Fix | None:
        """N R, rounded (error counted); None if R is absent."""
        return (self.witness("N") @ self.fix("R")).cut(80) if self.R else None

    @cached_property
    def basis_gap(self) -> Fix:
        """G - I, G = B B'."""
        assert self.B is not None
        return off_identity(self.B @ self.B.T)

    @cached_property
    def delta(self) -> Any:
        """|G - I|_F from above, below 1/2."""
        if not self.R:
            return arb(0)
        need(self.basis_gap.size < arb(1) / 2, "N R is not within 1/2 of orthonormal rows")
        return self.basis_gap.size

    def off(self, Z: Fix) -> Fix:
        """Z - B'B Z."""
        assert self.B is not None
        return Z - self.B.T @ (self.B @ Z)

    # -- Im C
    @cached_property
    def image(self) -> tuple[Fix, Fix]:
        """W = C N_C and W'W - I."""
        W = self.fix("C") @ self.witness("N_C")
        return W, off_identity(W.T @ W)

    # -- neurons
    @cached_property
    def neurons(self) -> tuple[list[int], int, list[int], int]:
        """phi(a) and phi'(a) as integers, off by at most 2 units each: (P, qP, D, qD)."""
        pairs = [pair(self.activation, arb(x)) for x in self.values("a")]
        (P, qP, eP), (D, qD, eD) = to_integers([x for x, _ in pairs], 100), to_integers([x for _, x in pairs], 80)
        need(eP <= 2 * two(qP) and eD <= 2 * two(qD), "the activation could not be enclosed closely enough")
        return P, qP, D, qD

    @cached_property
    def f(self) -> Any:
        """A ball that contains |phi(a)|/sqrt(k)."""
        P, q, *_ = self.neurons
        return around(length(P, q), 2 * arb(self.k).sqrt() * two(q)) / arb(self.k).sqrt()

    @cached_property
    def box(self) -> tuple[list[int], int, Any, Any]:
        """The witness hbar, cut: (integers, exponent, norm from above, distance from the ends of phi(R); none: 2^1000)."""
        need(self.activation in RANGE and not self.both and not self.C, "needs train W, C absent and phi' > 0")
        q = exponent(self.tops["w_hbar"], 100) if self.tops["w_hbar"] else 0
        h = integers(self.values("w_hbar"), q)
        low, high = RANGE[self.activation]
        below = two(1000) if low is None else (arb(min(h)) * two(q) - low).lower()
        above = two(1000) if high is None else (high - arb(max(h)) * two(q)).lower()
        return h, q, length(h, q).upper(), below if below < above else above  # two exact numbers: decided

    swept = cached_property(sweep)  # everything that needs V, in one pass

    def gram(self, name: str) -> tuple[Fix, Any, Any]:
        """(M, e, size): M = S S' exactly, S of size n x k within e (Frobenius) of V D (or V), |S|_F <= size."""
        M, e = self.swept["M"][name]
        trace = sum(int(M.M[i, i]) for i in range(self.n))
        return M, e, (arb(trace).sqrt() * two(M.q // 2)).upper()

    # -- residuals
    def misfit(self, x: Fix, divide: Any) -> tuple[list[Any], Any]:
        """(entries of T x/divide - y for the matrix kept, bound of the distance to the truth); divide an exact ball."""
        z = self.fix("R") @ x if self.R else x
        z = self.fix("C") @ z if self.C else z
        factor = two(z.q) / divide
        entries = [arb(int(t)) * factor - arb(y) for t, y in zip(z.M.entries(), self.values("y"), strict=True)]
        return entries, (z.err / divide).upper()

    def length(self, entries: list[Any], err: Any) -> Any:
        """Ball for the norm of a misfit; with C present an upper bound of that of its projection on Im C."""
        if not self.C:
            return around(norm_of(entries), err)
        W, gap = self.image[0], self.image[1].size
        need(gap < arb(1) / 2, "C N_C is not within 1/2 of orthonormal columns")
        # |Pi r| = |(W'W)^(-1/2) W'r| <= |W'r|/sqrt(1 - gap); |W| <= sqrt(1 + gap)
        inner = (W.T @ Fix.column(entries)).size + (1 + gap).sqrt() * err
        return (inner / (1 - gap).sqrt()).upper()

    @cached_property
    def rho(self) -> Any:
        """Ball for (C absent), or upper bound of (C present), rho_0."""
        entries, err = self.misfit(self.swept["images"]["g"], arb(self.k).sqrt())
        if not self.weighted:
            return self.length(entries, err)
        roots = [(arb(w) / self.w_min).sqrt() for w in self.values("weights")]
        largest = (arb(max(self.values("weights"))) / self.w_min).sqrt()
        return around(norm_of(list(map(mul, roots, entries))), err * largest)

    @cached_property
    def start_error(self) -> tuple[list[Any], Any]:
        """g(0) - xbar/s: entries and error."""
        g, root = self.swept["images"]["g"], arb(self.k).sqrt()
        signal = zip(g.M.entries(), self.signal, strict=True)
        return [arb(int(t)) * two(g.q) / root - arb(x) / arb(self.scale) for t, x in signal], (g.err / root).upper()
