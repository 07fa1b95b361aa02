"""Restricted injectivity (`A.injective`): how much of a difference of signals the data are sure to show, as an interval.

`interval` a constant from both sides; `stack` smallest eigenvalues of many matrices, proved; `sparse` sparse signals; `cone` the
descent cone of the l1 norm; `l1` l1 minimization and its dual vectors; `dimension` statistical dimension and Gordon's bound;
`phase` moduli |A x|, up to sign; `phase_recovery` who recovers from them.
"""

from numerics.injectivity.cone import conic_injectivity
from numerics.injectivity.dimension import gordon, statistical_dimension
from numerics.injectivity.interval import Interval
from numerics.injectivity.l1 import basis_pursuit, dual_vectors, l1_minimizer
from numerics.injectivity.phase import phase_injectivity
from numerics.injectivity.sparse import best_sparse_fit, sparse_injectivity, sparse_injectivity_at

__all__ = [
    "Interval",
    "basis_pursuit",
    "best_sparse_fit",
    "conic_injectivity",
    "dual_vectors",
    "gordon",
    "l1_minimizer",
    "phase_injectivity",
    "sparse_injectivity",
    "sparse_injectivity_at",
    "statistical_dimension",
]
