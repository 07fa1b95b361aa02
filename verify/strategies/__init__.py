"""Hypothesis strategies for small worlds, to be used in your own tests.

Instances are built so that the hypotheses of the theorems hold with a drawn margin, up to the boundary; none is filtered out.
They draw few readable numbers and shrink to the smallest instance: one output, one neuron, h = 1/4, seed 0.

A test of your own simulates with a drawn engine of `engines()`, or a `max_steps` of its own: operators with a condition of
up to 1e8 are drawn, and their flows take very long to come to an end.

>>> from hypothesis import given, settings
>>> from verify.engine import simulate
>>> @settings(max_examples=5, deadline=None, database=None)
... @given(two_layer("sharp"), engines("flow"))
... def the_loss_decreases(world, engine):
...     loss = simulate(world, engine).record.loss
...     assert loss[-1] < loss[0]
>>> the_loss_decreases()

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
