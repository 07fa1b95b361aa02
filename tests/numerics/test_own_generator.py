"""A generator of the user's own, and the ball on which a modulus that is not linear certifies."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from numerics.scene import Scene
from numerics.worlds import (
    DeepGenerator,
    Linear,
    OwnGenerator,
    Quadratic,
    TwoLayerGenerator,
    World,
    flow,
    least_squares,
    sharp_ball,
)
from theory import registry
from theory.claim import claim_of
from verify.claims import check_scene

EXTREMAL = Quadratic([[1.0]], [[[-1.0]]])


def extremal(**given):
    """g(s) = s - s²/2, as functions."""
    known = {"Lambda": 1.0} | given
    return OwnGenerator(lambda d: d - d**2 / 2, lambda d: (1 - d)[None, :], 1, **known)


def world_of(generator, y):
    return World(generator, Linear(np.eye(len(y))), least_squares(), y)


def test_an_own_generator_runs_and_is_checked_like_that_of_the_library():
    runs = [flow(world_of(generator, [0.4]), loss_ratio=1e-8) for generator in (extremal(), EXTREMAL)]
    np.testing.assert_array_equal(runs[0].t, runs[1].t)
    np.testing.assert_allclose(runs[0].residual, runs[1].residual, rtol=1e-12)
    for key in ("sharp.rate", "sharp.length", "sharp.sigma"):
        mine, theirs = (check_scene(claim_of(key, registry), Scene(run)) for run in runs)
        assert mine.in_force > 20
        assert (mine.verdict, mine.in_force) == (theirs.verdict, theirs.in_force)


def test_the_baseline_speaks_only_where_a_lipschitz_constant_is_known():
    claim = claim_of("baseline.loss_rate", registry)
    silent, spoken = (check_scene(claim, Scene(flow(world_of(extremal(Lip=lip), [0.2])))) for lip in (None, 1.0))
    assert not silent.in_force
    assert "A.generator.lipschitz" in silent.why
    assert spoken.in_force > 20
    assert extremal(Lip=1.0, reach=0.3).radius(1.0) == 0.3
    assert extremal(Lip=2.0, reach=0.3).radius(1.0) == 0.25


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"J": lambda d: (1 + d)[None, :] * 1.001}, "J is not the Jacobian of g"),
        ({"Lambda": 0.999}, "the modulus is too small"),
        ({"Lip": 0.9}, "Lipschitz constant Lip is too small"),
        ({"Lambda": None, "Omega": lambda r: 0.9 * r, "reach": 0.1}, "the modulus is too small"),
        ({"Lambda": None}, "one of the two"),
        ({"Omega": lambda r: r}, "one of the two"),
        ({"Lambda": None, "Omega": lambda r: r}, "finite reach"),
        ({"Lambda": None, "Omega": lambda r: math.nan, "reach": 1.0}, "finite number of at least 0"),
        ({"Lambda": True}, "must be a number"),
        ({"reach": 0.0}, "positive radius"),
        ({"size": 0}, "size = 0"),
        ({"size": 2}, "J has shape"),
        ({"g": lambda d: np.full(1, np.nan)}, "NaN"),
    ],
)
def test_what_cannot_be_is_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        replace(extremal(), **changes)


def test_a_modulus_that_is_attained_along_single_parameters_is_not_understated():
    """Random directions see a fifth of it in a hundred dimensions."""

    def product(Lambda):
        return OwnGenerator(lambda d: (1 + d[:50]) * (1 + d[50:]), jacobian, 100, Lambda=Lambda)

    def jacobian(d):
        return np.hstack([np.diag(1 + d[50:]), np.diag(1 + d[:50])])

    assert product(1.0).modulus == 1.0
    with pytest.raises(ValueError, match=r"too small: at a point 0\.01 from the start J has changed by 0\.01, which"):
        product(0.99)


@pytest.mark.parametrize("h", [0.3, 0.499, 0.501])
def test_the_ball_of_a_linear_modulus_is_that_of_the_theorem(h):
    ball = sharp_ball(world_of(extremal(reach=1.0), [h]))
    if h > 0.5:
        assert ball is None
        return
    assert ball.h == pytest.approx(h, rel=1e-14)
    assert ball.ell_star == pytest.approx(1 - math.sqrt(1 - 2 * h), rel=1e-12)  # where g(s) = h
    assert ball.ell_star <= ball.radius <= ball.ell_star * 1.0011
    assert ball.world.generator.reach == ball.radius


def test_there_is_no_ball_beyond_the_reach_of_the_promises():
    assert sharp_ball(world_of(extremal(reach=0.5), [0.37])) is not None  # ell_star = 0.49
    assert sharp_ball(world_of(extremal(reach=0.5), [0.38])) is None  # 0.51


def deep(biases=True):
    rng = np.random.default_rng(3)
    weights = [0.5 * rng.standard_normal(shape) for shape in ((6, 3), (5, 6), (4, 5))]
    return DeepGenerator("tanh", weights, [np.zeros(len(W)) for W in weights] if biases else None, [np.ones(3)])


def test_a_deep_network_is_certified_at_a_checkpoint_and_stays_on_the_ball():
    start = world_of(deep(), [0.6, -0.4, 0.3, 0.5])
    assert sharp_ball(start) is None
    run = flow(start, loss_ratio=1e-10)
    late = next(i for i in range(len(run)) if run.rho[i] < 2e-3 * run.rho[0])
    moved = start.with_(generator=start.generator.at(run.d[late]))
    np.testing.assert_allclose(moved.rho_0, run.rho[late], rtol=1e-10)
    ball = sharp_ball(moved)
    assert ball is not None
    summary = check_scene(claim_of("sharp.rate", registry), Scene(flow(ball.world, loss_ratio=1e-8)))
    assert summary.verdict == "holds"
    assert summary.in_force > 10
    left = run.length[-1] - run.length[late]
    assert left < ball.ell_star < 10 * left


@pytest.mark.parametrize("biases", [True, False])
def test_a_checkpoint_of_a_deep_generator_is_the_network_there(biases):
    rng = np.random.default_rng(5)
    generator = deep(biases)
    d, e = (0.1 * rng.standard_normal(generator.size) for _ in range(2))
    np.testing.assert_allclose(generator.at(d).output(e), generator.output(d + e), rtol=1e-13)


def test_two_layers_have_a_ball_too():
    rng = np.random.default_rng(7)
    generator = TwoLayerGenerator("tanh", "both", rng.standard_normal(200), np.sign(rng.standard_normal((2, 200))))
    world = world_of(generator, generator.output(np.zeros(generator.size)) + 0.05)
    ball = sharp_ball(world)
    assert ball is not None
    assert ball.Lambda == pytest.approx(generator.modulus)


def test_a_promise_is_looked_at_wherever_it_is_relied_on():
    product = {
        "g": lambda d: [(1 + d[0]) * (1 + d[1])],
        "J": lambda d: [[1 + d[1], 1 + d[0]]],
        "size": 2,
        "Lambda": 1.0,
    }
    with pytest.raises(ValueError, match="Lipschitz constant Lip is too small"):
        OwnGenerator(**product, Lip=0.0)
    # J = 20 - 5 d^2 changes by less than 5 r up to r = 1, by 20 at r = 2, where the flow would stop
    cubic = OwnGenerator(lambda d: [20 * d[0] - 5 * d[0] ** 3 / 3], lambda d: [[20 - 5 * d[0] ** 2]], 1, Lambda=5.0)
    with pytest.raises(ValueError, match=r"modulus is too small: at a point .* changed by"):
        sharp_ball(World(cubic, Linear([[1.0]]), least_squares(), [30.0]))
    parabola = {"g": lambda d: [d[0] - d[0] ** 2 / 2], "J": lambda d: [[1 - d[0]]], "size": 1, "reach": 1.0}
    with pytest.raises(ValueError, match="modulus is too small"):
        OwnGenerator(**parabola, Omega=lambda r: 1.0 if r >= 1 else 0.0)
    with pytest.raises(ValueError, match=r"Omega\(r\)/r decreases"):
        OwnGenerator(**parabola, Omega=lambda r: 2.0)
    assert OwnGenerator(**parabola, Omega=lambda r: r + r**2).modulus == 2.0
