"""Small worlds: instances on which statements are checked, each a value that can be run, saved and read back.

>>> from numerics.worlds import Linear, Quadratic, World, flow, least_squares
>>> world = World(Quadratic([[1.0]]), Linear([[1.0]]), least_squares(), [1.0])
>>> bool(abs(flow(world, t_max=1.0).residual[-1] - 0.36787944117) < 1e-9)
True
"""

from numerics.worlds.ball import Ball, sharp_ball
from numerics.worlds.claimed import Power, Understated
from numerics.worlds.deep import DeepGenerator
from numerics.worlds.generators import Generator, Quadratic
from numerics.worlds.operators import Linear, Operator, Sine
from numerics.worlds.own import OwnGenerator
from numerics.worlds.record import Record, Step, claimed_step, descend, flow, gradient_constant, step_for
from numerics.worlds.two_layer import TwoLayerGenerator
from numerics.worlds.world import GENERATORS, OPERATORS, World, least_squares

__all__ = [
    "GENERATORS",
    "OPERATORS",
    "Ball",
    "DeepGenerator",
    "Generator",
    "Linear",
    "Operator",
    "OwnGenerator",
    "Power",
    "Quadratic",
    "Record",
    "Sine",
    "Step",
    "TwoLayerGenerator",
    "Understated",
    "World",
    "claimed_step",
    "descend",
    "flow",
    "gradient_constant",
    "least_squares",
    "sharp_ball",
    "step_for",
]
