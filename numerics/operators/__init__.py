"""Forward and synthesis operators: one file an item, one line an item here.

A specification (a frozen dataclass with a `kind`) is what a problem file says; `build(input_shape, rng)` makes the
operator, a scipy LinearOperator that knows its singular values and on which side of the truth they lie.

>>> import numpy as np
>>> A = from_mapping({"kind": "blur", "std": 1.0}).build((32,), np.random.default_rng(0))
>>> A.shape, A.opnorm().direction
((32, 32), 'upper')
"""

from collections.abc import Mapping
from types import MappingProxyType

from numerics.operators.base import ForwardOperator, RankDeficient, adjoint_test, as_operator
from numerics.operators.blur import Blur
from numerics.operators.compose import Compose, product
from numerics.operators.dense import Dense
from numerics.operators.fourier import Fourier
from numerics.operators.fourier_synthesis import FourierSynthesis
from numerics.operators.gaussian import Gaussian
from numerics.operators.identity import Identity
from numerics.operators.linear_operator import FromLinearOperator
from numerics.operators.sparse import Sparse
from numerics.operators.spec import OperatorSpec, from_mapping
from numerics.operators.spectral import Factorization, factorization_test
from numerics.operators.subsample import Subsample
from numerics.operators.svd import CompactSVD, compact_svd

OPERATORS: Mapping[str, type[OperatorSpec]] = MappingProxyType(
    {
        "blur": Blur,
        "compose": Compose,
        "dense": Dense,
        "fourier": Fourier,
        "fourier_synthesis": FourierSynthesis,
        "gaussian": Gaussian,
        "identity": Identity,
        "linear_operator": FromLinearOperator,
        "sparse": Sparse,
        "subsample": Subsample,
    }
)

__all__ = [
    "OPERATORS",
    "CompactSVD",
    "Factorization",
    "ForwardOperator",
    "OperatorSpec",
    "RankDeficient",
    "adjoint_test",
    "as_operator",
    "compact_svd",
    "factorization_test",
    "from_mapping",
    "product",
]
