"""Smallest singular values in floating point, each with an estimate of its error: along a run, where certified bounds at
every stored time would cost more than they tell.

:func:`smallest_singular_value` takes a matrix S (p × k) and, for a network with both layers trained, the shift f of
`dip2.gram` (σ = hypot(f, σ_min(S))); :func:`jacobian_sigma_min` takes the network. Routes, in :mod:`.dense` and
:mod:`.lanczos`, and what they cost from (a, V) with one BLAS thread (milliseconds, two-core x86-64 machine):

    (p, k)               Gram   Gram, refined   SVD     accuracy of σ_min, κ = σ_max/σ_min
    (10, 200)            0.03   0.05            0.06    Gram          eps·σ_max·κ
    (60, 1000)           0.25   0.45            1.3     refined       eps·σ_max while κ < 1e7 or so
    (100, 2000)          0.9    1.2             6       SVD           eps·σ_max
    (256, 4000)          8      11              60      Lanczos       what is asked for, unless a smaller value hides
    (1152, 4608)         150    180             2000

The Gram matrix comes first at every size, and its result is taken if the error estimate allows; the shift makes that
nearly certain for both layers. Lanczos on the operator is for factors whose Gram matrix does not fit; it needs hundreds
of products with S and Sᵀ, and what it finds bounds σ_min from above only.

Updates along a run do not pay. Every φ'(a_i) moves, so that two factors of one run differ by a matrix of full rank and
rank-one or secular updates have nothing to work on; the eigenvector and the Cholesky factor of an earlier time, as start
and preconditioner of LOBPCG, take 22 to 35 products for ten digits (120 to 175 ms at 1152 × 4608, where the Gram matrix,
its factor and 31 steps of inverse Lanczos take 151 ms and see all eigenvalues); at 60 × 1000 a single Python-level
iteration costs a tenth of the whole direct computation.
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
