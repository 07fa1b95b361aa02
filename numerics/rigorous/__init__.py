"""Singular values, norms, products and enclosures with every rounding error accounted for, at BLAS speed.

What is returned is true of the doubles that were passed in, taken as exact real numbers: a lower bound is never above
the truth, an upper bound never below, whatever the conditioning. A bound that cannot be proved comes back as the
trivial one (0 for a smallest singular value), never as an estimate. One idea a file, its proof beside the code:

:mod:`.machine`       the model of floating-point arithmetic, gamma_k, and the primitives that are trusted to obey it
:mod:`.outward`       rational arithmetic rounded outward once, at the end
:mod:`.arrays`        what enters: finite doubles, scaled by an exact power of two
:mod:`.norms`         2-norms and Frobenius norms from both sides
:mod:`.products`      dot products, matrix-vector products and sums of intervals, with their errors
:mod:`.matmul`        the error of a matrix product, and products of twice the precision
:mod:`.gram`          S S' with its error
:mod:`.cholesky`      positive definiteness by Cholesky with a shift (Rump)
:mod:`.residual`      the same from the residual of any factor: trusts matrix products only
:mod:`.qr`            sigma_min where squaring loses it: condition up to 2^40 at 5%
:mod:`.balls`         sigma_min of small matrices in ball arithmetic
:mod:`.structure`     matrices whose singular values are known exactly: selections, diagonals, scaled isometries
:mod:`.dft`           operators that the Fourier transform diagonalizes
:mod:`.smallest`, :mod:`.largest`, :mod:`.orthonormal`    the bounds put together
:mod:`.elementwise`   phi, phi', phi'' on vectors, enclosed by Arb
:mod:`.losses`        losses and psi at vectors that are known up to an error

The last two need formulas of :mod:`theory` and are imported by their own names.
"""

from numerics.rigorous.largest import opnorm_upper
from numerics.rigorous.machine import ETA, UNIT, gamma
from numerics.rigorous.matmul import matmul_error
from numerics.rigorous.norms import norm_lower, norm_upper
from numerics.rigorous.orthonormal import orthonormality_defect
from numerics.rigorous.outward import above, below, down, up
from numerics.rigorous.products import dot, interval_dot, interval_sum, matvec
from numerics.rigorous.smallest import sigma_min_lower

__all__ = [
    "ETA",
    "UNIT",
    "above",
    "below",
    "dot",
    "down",
    "gamma",
    "interval_dot",
    "interval_sum",
    "matmul_error",
    "matvec",
    "norm_lower",
    "norm_upper",
    "opnorm_upper",
    "orthonormality_defect",
    "sigma_min_lower",
    "up",
]
