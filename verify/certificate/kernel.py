"""What `recover.kernel` needs besides: the whole Jacobian, its coupling to ker T, and the start seen from ker T.

P is the projector on ker T, Q = I - P. With B = N R and G = B B': Q = B'G^{-1}B, |P Z| <= |Z - B'B Z| + delta |Z| and
|P K_0 Q| <= |P Z|/(1 - delta)^{1/2} for Z = K_0 B'; f² I, the part of K_0 that V contributes, commutes with Q and falls out.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from numerics.rigorous import matmul_error, norm_upper

from . import linear
from .evidence import Evidence
from .linear import Norm
from .sweep import Gram, blocks, loss_of, restricted

Array = NDArray[np.float64]

_U = 2.0**-53
_TINY = 2.0**-1022
_UP = 1 + 2.0**-44


class Kernel:
    """Bounds at one subject, each made when first asked for."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    @cached_property
    def slope_norm(self) -> tuple[float, Norm | None]:
        """(|V D| from above, what proves it): the Gram matrix is n × n."""
        s = self.evidence.subject
        _, _, slope, slope_error = s.enclosed
        gram = Gram(s.n)
        for at in blocks(s.k):
            S = s.V[at] * slope[at][:, None]
            wide = self.evidence.sweep.full[at] * slope_error[at]
            gram.add(S, norm_upper(wide) * _UP + 2 * _U * norm_upper(S) + S.size * _TINY)
        found = linear.largest_eigenvalue(gram.K, gram.error())
        crude = math.sqrt(float(np.trace(gram.K)) * _UP + float(gram.error())) * _UP
        return (crude if found is None else found.value), found

    @cached_property
    def J_norm(self) -> float:
        """|J_g(θ)| from above."""
        s = self.evidence.subject
        f = self.evidence.f[1] if s.train == "both" else 0.0
        return math.sqrt(f * f + self.slope_norm[0] ** 2 / s.k) * _UP

    @cached_property
    def coupling(self) -> tuple[float, Norm | None]:
        """(|P K_0 Q| from above, what proves it: about |Z' - Z'B'B| = |Z - B'BZ|, Z = V D² V'B'/k); R is there."""
        evidence, s = self.evidence, self.evidence.subject
        white = evidence.whitening
        assert white is not None
        _, _, slope, slope_error = s.enclosed
        Z, error, products, count = np.zeros((s.n, s.p)), Fraction(0), 0.0, 0
        for at in blocks(s.k):
            V, d, e = s.V[at], slope[at], slope_error[at]
            X = V * (d * d / s.k)[:, None]
            W, W_error = restricted(V, white)
            # d² is within (2|d| + e) e, and the three roundings of the scaling
            X_error = norm_upper(evidence.sweep.full[at] * ((2 * np.abs(d) + e) * e / s.k)) * _UP + 8 * _U * norm_upper(
                X
            )
            Z += X.T @ W
            X_size, W_size = norm_upper(X), norm_upper(W)
            error += Fraction(matmul_error(X.T, W))
            error += Fraction((X_size + X_error) * W_error * _UP + X_error * W_size * _UP + _TINY * s.n * s.p)
            products += X_size * W_size
            count += 1
        total = float(error) * _UP + loss_of(count + 1) * products * _UP
        inside = white.B @ Z
        rest = Z - white.B.T @ inside
        # B is within white.error of N R, which has norm (1 + delta)^{1/2} < 1.3
        size = norm_upper(Z, total)
        rounding = matmul_error(white.B.T, inside) + 1.3 * matmul_error(white.B, Z) + 2 * _U * norm_upper(rest)
        inexact = rounding + total * 2.7 + 2.7 * white.error * size
        spread = (2 * norm_upper(rest) + inexact) * inexact
        found = linear.largest_eigenvalue(rest.T @ rest, Fraction(matmul_error(rest.T, rest) + spread))
        frobenius = norm_upper(rest) + inexact
        value = frobenius if found is None else found.value
        if not value < 0.9 * frobenius:
            value, found = frobenius, None
        return (value + white.delta * size) / math.sqrt(1 - white.delta) * _UP, found

    @cached_property
    def start(self) -> float:
        """|P(g(θ) - x̄/s)| from above; 0 where T is injective."""
        evidence = self.evidence
        white = evidence.whitening
        if white is None:
            return 0.0
        d, error = evidence.start_error
        inside = white.B @ d
        rest = d - white.B.T @ inside
        miss, size = norm_upper(error), norm_upper(np.abs(d) + error)
        rounding = matmul_error(white.B.T, inside[:, None]) + 1.3 * matmul_error(white.B, d[:, None])
        moved = rounding + 2 * _U * norm_upper(rest) + 2.7 * miss + 2.7 * white.error * size + white.delta * size
        return (norm_upper(rest) + moved) * _UP
