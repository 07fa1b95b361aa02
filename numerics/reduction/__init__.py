"""The exact reduction of a two-layer network behind a linear operator, and the exact way back to signal space.

A = U S Q' of rank p, g(theta) = V phi(a)/sqrt k, a = W u. Flow and gradient descent of theta = (W, V) are exactly those
of (a, Q'V), a state of k + pk numbers whatever n and d are (`dip2.reduction`, `dip2.range_restriction`):

- :func:`reduce` makes the :class:`numerics.reduced.ReducedProblem` and a :class:`Reduction` that leads back;
- :mod:`numerics.reduction.laws`: V(0) as an array, or as a seed from which its columns are regenerated (memory O(pk));
- :mod:`numerics.reduction.invariance`: which losses may be rotated, read off their expressions;
- :mod:`numerics.reduction.sampling`: W is never drawn, and can be completed afterwards.

Example: 16 of 64 Fourier coefficients of a signal; neither A nor V(0), 64 x 40, is ever formed.

>>> import numpy as np
>>> from numerics.activations import activation
>>> from numerics.flow import gradient_flow
>>> from numerics.losses import loss
>>> from numerics.operators.fourier import Fourier
>>> A = Fourier(fraction=0.25, lowest=1.0).build((64,), np.random.default_rng(0))
>>> y = A.matvec(np.sin(np.linspace(0, 2 * np.pi, 64, endpoint=False)))
>>> law = Streamed(64, 40, seed=1, activation=activation("tanh"), antisymmetric=True)
>>> reduction = reduce(A, y, law, loss("least_squares"))
>>> print(reduction.describe())
rotated: 16 Fourier (Hartley form) vectors of 64: the data are the coordinates of the operator itself; state 16 x 40 + 40
>>> run = gradient_flow(reduction.problem, t_max=60.0, times=())
>>> x = reduction.signal(run.a[-1], run.V[-1])
>>> x.shape, bool(np.abs(A.matvec(x) - y).max() < 1e-9)
((64,), True)

What A does not see is in x as well: V(0) stays there, phi(a) does not (`recover.no_prior`).
"""

from numerics.reduction.invariance import Radial, radial
from numerics.reduction.laws import Law, Stored, Streamed
from numerics.reduction.reduction import Reduction, reduce
from numerics.reduction.sampling import complete

__all__ = ["Law", "Radial", "Reduction", "Stored", "Streamed", "complete", "radial", "reduce"]
