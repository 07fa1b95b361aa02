"""Hypothesis strategies for small worlds, to be used in your own tests.

Instances are built so that the hypotheses of the theorems hold with a drawn margin, up to the boundary; none is filtered out.
They draw few readable numbers and shrink to the smallest instance: one output, one neuron, h = 1/4, seed 0.

>>> from hypothesis import given, settings
>>> from numerics.worlds import flow
>>> @settings(max_examples=5, deadline=None, database=None)
... @given(two_layer("sharp", loss=("least_squares",), operator="identity"))
... def the_loss_goes_to_zero(world):
...     assert flow(world, loss_ratio=1e-6).status == "loss_stop"
>>> the_loss_goes_to_zero()

``st.from_type(World)`` works too: the types are registered when Hypothesis is imported.
"""

from verify.strategies.parts import activations, losses, margins, noises, operators, seeds, trains
from verify.strategies.violating import violating
from verify.strategies.worlds import deep, engines, extremal, quadratic, two_layer, wonly, worlds

__all__ = [
    "activations",
    "deep",
    "engines",
    "extremal",
    "losses",
    "margins",
    "noises",
    "operators",
    "quadratic",
    "seeds",
    "trains",
    "two_layer",
    "violating",
    "wonly",
    "worlds",
]
