"""Gradient descent on the two-layer network, in the reduced variables (a, V̂): one pass over the neurons a step.

`engine` the loop and the public entry point, `objective` the loss in diagonal form, `plain` the step in NumPy, `kernels` the
step in one pass, `unrolled` the same written out for few rows of V, `fused` both compiled (numba, the extra `fast`),
`formulas` φ and φ' as code, `elementary` and `coefficients` the functions in it.  Importing this package does not import
numba.
"""

from numerics.descent.engine import choose_kernel, gradient_descent
from numerics.descent.objective import kernel_spectrum, stable_step
from numerics.descent.result import Descent

__all__ = ["Descent", "choose_kernel", "gradient_descent", "kernel_spectrum", "stable_step"]
