"""Smallest singular values in floating point, each with an estimate of its error: along a run, where certified bounds at
every stored time would cost more than they tell.

:func:`smallest_singular_value` takes a matrix S (p × k) and, for a network with both layers trained, the shift f of
`dip2.gram` (σ = hypot(f, σ_min(S))); :func:`jacobian_sigma_min` takes the network. Routes, in :mod:`.dense` and
:mod:`.lanczos`, and what they cost from (a, V) with one BLAS thread (milliseconds; best of many on a shared two-core x86-64
machine):

    (p, k)          Gram    refined   SVD     certified      error of σ_min, κ = σ_max/σ_min, up to a modest constant
    (10, 200)       0.03    0.04      0.06    0.2            Gram       eps·σ_max·κ
    (60, 1000)      0.29    0.36      1.3     0.8            refined    eps·σ_max, while the gap to σ_2 can be seen
    (100, 2000)     0.93    1.1       9       2.3            SVD        eps·σ_max
    (256, 4000)     10      11        110     33             Lanczos    what is asked for, unless a smaller value hides
    (1152, 4608)    150     180       1800    500

The Gram matrix comes first at every size, and its result is taken if the estimate of its error allows; the shift makes that
nearly certain for both layers. Where the neurons are paired and V is fixed, half of the columns do (:mod:`numerics.paired`).
Lanczos on the operator is for factors whose Gram matrix does not fit; it needs a hundred products with S and Sᵀ or more
(at 2000 × 6000 as much time as the Gram matrix for three digits), and what it finds bounds σ_min from above only.

Updates along a run do not pay. Every φ'(a_i) moves, so that two factors of one run differ by a matrix of full rank and
rank-one or secular updates have nothing to work on. The eigenvector and the Cholesky factor of an earlier time, as start and
preconditioner of LOBPCG, take 22 to 35 products for ten digits (118 to 175 ms at 1152 × 4608, where the Gram matrix, its
factor and 31 steps of inverse Lanczos take 151 ms and need nothing from before); at 60 × 1000 one iteration in Python costs
a tenth of the whole direct computation.
"""

from __future__ import annotations

from numerics.spectrum.jacobian import jacobian_sigma_min
from numerics.spectrum.lanczos import Ritz, extreme, largest_singular_value
from numerics.spectrum.record import Smallest
from numerics.spectrum.smallest import smallest, smallest_singular_value

__all__ = [
    "Ritz",
    "Smallest",
    "extreme",
    "jacobian_sigma_min",
    "largest_singular_value",
    "smallest",
    "smallest_singular_value",
]
