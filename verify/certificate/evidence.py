"""Bounds of every number that the theorems need, at one point, at BLAS speed, with the witnesses that prove them.

The derivations are those of the checker: a whitening N of R gives B = N R nearly orthonormal, U = B'(BB')^{-1/2} is an exact
orthonormal basis of Im T', and everything about U'V follows from B V. Rounding is accounted for by :mod:`numerics.rigorous`.
"""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from numerics.rigorous import below, matmul_error, norm_lower, norm_upper

from . import linear
from .linear import Norm, Smallest, Whitening
from .subject import Subject
from .sweep import Sweep, loss_of, sweep

Array = NDArray[np.float64]

_U = 2.0**-53
_TINY = 2.0**-1022
_UP, _DOWN = 1 + 2.0**-44, 1 - 2.0**-44


class Evidence:
    """The bounds at one subject, each made when first asked for. "Below" and "above" mean proved bounds."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def at(self, subject: Subject) -> Evidence:
        """The evidence at other parameters of the same problem: what is known about the operator is kept."""
        other = Evidence(subject)
        kept = ("whitening", "whitening_C", "norm_N", "norm_N_C", "smallest_direction")
        other.__dict__.update({name: self.__dict__[name] for name in kept if name in self.__dict__})
        return other

    # --- the operator
    @cached_property
    def whitening(self) -> Whitening | None:
        """Of R; None if R is absent or too close to a matrix without full rank."""
        return None if self.subject.R is None else linear.whiten(self.subject.R)

    @cached_property
    def whitening_C(self) -> Whitening | None:
        """Of C' (its N is the transposed witness N_C)."""
        return None if self.subject.C is None else linear.whiten(np.ascontiguousarray(self.subject.C.T))

    @cached_property
    def norm_N(self) -> Norm | None:
        """|N|."""
        return None if self.whitening is None else linear.norm(self.whitening.N)

    @cached_property
    def norm_N_C(self) -> Norm | None:
        """|N_C|."""
        return None if self.whitening_C is None else linear.norm(np.ascontiguousarray(self.whitening_C.N.T))

    @property
    def delta(self) -> float:
        """|BB' - I|_F from above, 0 without R."""
        return 0.0 if self.whitening is None else self.whitening.delta

    @cached_property
    def full_rank(self) -> bool:
        """Whether R and C are proved to have full rank."""
        R_there, C_there = self.subject.R is not None, self.subject.C is not None
        return (not R_there or self.norm_N is not None) and (not C_there or self.norm_N_C is not None)

    @cached_property
    def sigma_F(self) -> float:
        """The smallest positive singular value of T from below; 0 if the rank could not be proved."""
        if not self.full_rank:
            return 0.0
        value = 1.0
        for white, size in ((self.whitening, self.norm_N), (self.whitening_C, self.norm_N_C)):
            if white is not None and size is not None:
                value *= math.sqrt(1 - white.delta) / size.value * _DOWN
        return value

    @cached_property
    def smallest_direction(self) -> tuple[Array, float] | None:
        """(z, |R'z|/|z| from above): σ_F is at most that if R has full row rank. None where C is present or R absent."""
        R = self.subject.R
        if R is None or self.subject.C is not None or self.whitening is None:
            return None
        z = np.ascontiguousarray(np.linalg.svd(R, full_matrices=False)[0][:, -1])
        return z, norm_upper(R.T @ z, matmul_error(R.T, z[:, None])) / norm_lower(z) * _UP

    # --- the hidden layer
    @cached_property
    def f(self) -> tuple[float, float]:
        """|φ(a)|/√k from below and from above."""
        phi, error, _, _ = self.subject.enclosed
        root, miss = math.sqrt(self.subject.k), norm_upper(error)
        return norm_lower(phi, miss) / root * _DOWN, norm_upper(phi, miss) / root * _UP + _TINY

    @property
    def smooth(self) -> bool:
        """Whether φ' has a Lipschitz constant."""
        return bool(self.subject.phi.theory.smooth)

    @cached_property
    def B1(self) -> float:
        """sup|φ'| from above."""
        return self.subject.phi.B1.as_upper()

    @cached_property
    def B2(self) -> float:
        """sup|φ''| from above; infinite for ReLU."""
        return self.subject.phi.B2.as_upper() if self.smooth else math.inf

    # --- V
    @cached_property
    def sweep(self) -> Sweep:
        """One pass over V."""
        return sweep(self.subject, self.whitening)

    @cached_property
    def smallest(self) -> Smallest:
        """λ_min of the Gram matrix of B V D, with its witness."""
        return linear.smallest_eigenvalue(self.sweep.K, self.sweep.K_error)

    @cached_property
    def sigma_0(self) -> float:
        """σ_min(U'J_g) from below: from V D and, both layers trained, from f as well."""
        that = below(self.smallest.floor) / (1 + self.delta) / self.subject.k * _DOWN
        f = self.f[0] if self.subject.train == "both" else 0.0
        return math.sqrt(f * f * _DOWN + max(that, 0.0)) * _DOWN

    @cached_property
    def weak_direction(self) -> tuple[Array, float] | None:
        """(w, a number that σ_min(U'J_g) does not exceed): |J_g' B'w|/|B'w| for the direction of the smallest eigenvalue."""
        w, s = self.smallest.vector, self.subject
        white = self.whitening
        x = w if white is None else white.B.T @ w
        miss = 0.0 if white is None else matmul_error(white.B.T, w[:, None]) + white.error * norm_upper(w)
        size = norm_lower(x, miss)
        if not size > 0:
            return None
        _, _, slope, slope_error = s.enclosed
        u = s.V @ x  # (k,): V'B'w
        error = norm_upper(matmul_error(s.V, x[:, None]) + norm_upper(s.V) * miss)
        largest = float((np.abs(slope) + slope_error).max())
        J = norm_upper(
            slope * u, 2 * _U * norm_upper(slope * u) + norm_upper(u * slope_error) + error * largest + s.k * _TINY
        )
        f = self.f[1] if s.train == "both" else 0.0
        return w, math.sqrt(f * f + (J / size) ** 2 / s.k) * _UP

    @cached_property
    def c_V(self) -> float:
        """max |U'v_i| from above."""
        return float(self.sweep.columns.max()) / math.sqrt(1 - self.delta) * _UP

    @cached_property
    def c_V_below(self) -> float:
        """max |U'v_i| from below."""
        return float(self.sweep.columns_below.max()) / math.sqrt(1 + self.delta) * _DOWN

    @cached_property
    def c_full(self) -> float:
        """max |v_i| from above."""
        return float(self.sweep.full.max())

    # --- data
    def image(self, x: Array, error: Array) -> tuple[Array, Array]:
        """(T x, its error) entry by entry, for x (n,) known to within `error`."""
        for M in (self.subject.R, self.subject.C):
            if M is not None:
                sizes = np.abs(M)
                terms = loss_of(M.shape[1] + 8)
                error = (sizes @ (error + terms * np.abs(x))) * (1 + 2 * terms) + M.shape[1] * _TINY
                x = M @ x
        return x, error

    @cached_property
    def residual(self) -> tuple[Array, Array]:
        """(T g(θ) - y, its error), shape (m,) each."""
        image, error = self.image(self.sweep.output, self.sweep.output_error)
        r = image - self.subject.y
        return r, error + 2 * _U * np.abs(r) + _TINY

    def projected(self, r: Array, error: Array) -> float:
        """|Π r| from above, Π the orthogonal projection on Im C (the identity without C), r (m,) known to within `error`."""
        white = self.whitening_C
        if self.subject.C is None or white is None:
            return norm_upper(np.abs(r) + error) * _UP
        W, size, miss = white.B, norm_upper(r), norm_upper(error)  # W r ≈ N_C'C'r, |N_C'C'| < 1.3
        moved = matmul_error(W, r[:, None]) + white.error * size + 1.3 * miss
        return norm_upper(W @ r, moved) / math.sqrt(1 - white.delta) * _UP

    @cached_property
    def T_norm(self) -> tuple[float, Norm | None]:
        """|T| from above for T = C or T = R, with what proves it (C'C or R R')."""
        C, R = self.subject.C, self.subject.R
        X = R if C is None else np.ascontiguousarray(C.T)
        assert X is not None
        found = linear.norm(X)
        return (norm_upper(X) if found is None else found.value) * _UP, found

    @cached_property
    def rho(self) -> tuple[float, float]:
        """ρ = (Σ w_i r_i²/w_min)^{1/2} from below (0 with C) and from above."""
        r, error = self.residual
        if self.subject.C is not None:
            return 0.0, self.projected(r, error)
        weights = self.subject.weights
        if weights is not None:
            root = np.sqrt(weights / weights.min())
            r, error = root * r, root * (error + 8 * _U * np.abs(r)) * _UP
        return norm_lower(np.maximum(np.abs(r) - error, 0.0)) * _DOWN, norm_upper(np.abs(r) + error) * _UP

    @cached_property
    def eps(self) -> float:
        """|y - T x̄/s| from above."""
        image, error = self.image(*self._truth)
        r = image - self.subject.y
        return self.projected(r, error + 2 * _U * np.abs(r) + _TINY)

    @property
    def _truth(self) -> tuple[Array, Array]:
        """(x̄/s, its error)."""
        signal = self.subject.signal
        assert signal is not None
        g = signal / self.subject.scale
        return g, _U * np.abs(g) * 2 + _TINY

    @cached_property
    def start_error(self) -> tuple[Array, Array]:
        """(g(θ) - x̄/s, its error), shape (n,) each."""
        g, error = self._truth
        d = self.sweep.output - g
        return d, self.sweep.output_error + error + 2 * _U * np.abs(d)

    @cached_property
    def start_distance(self) -> float:
        """|g(θ) - x̄/s| from above."""
        d, error = self.start_error
        return norm_upper(np.abs(d) + error) * _UP

    def sizes(self) -> dict[str, float]:
        """The bounds in force, by name: for reports and estimates."""
        return {"sigma_F": self.sigma_F, "sigma_0": self.sigma_0, "c_V": self.c_V, "rho_0": self.rho[1], "f": self.f[0]}
