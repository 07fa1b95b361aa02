"""Laws of the small worlds: what their constants promise, exact files, concave desingularizers."""

from __future__ import annotations

import json
import math

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from numerics.scene import Scene, norm
from numerics.worlds import DeepGenerator, Linear, Quadratic, Sine, World, descend, flow, step_for
from numerics.worlds.outside import OUTSIDE
from numerics.worlds.precise import precise_descent, precise_flow
from theory.losses import LOSSES
from theory.symbols import sym
from verify import making
from verify.strategies import deep, extremal, operators, quadratic, seeds, two_layer
from verify.strategies.parts import PARAMETERS

WORLDS = st.one_of(quadratic("free"), two_layer("free", width=4), deep("sharp"), extremal())
STENCIL = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))


def differences(function, at, step=1e-3):
    columns = []
    for j in range(at.size):
        e = np.zeros(at.size)
        e[j] = step
        columns.append(sum(w * np.atleast_1d(function(at + i * e)) for i, w in STENCIL) / step)
    return np.stack(columns, axis=-1)


def somewhere(world: World, seed: int, radius: float):
    """A displacement of this norm (within the reach of the modulus)."""
    d = np.random.default_rng(seed).standard_normal(world.size)
    return min(radius, world.generator.reach) * d / norm(d)


@given(WORLDS, seeds(), st.sampled_from((0.1, 1.0, 3.0)))
def test_jacobians_are_the_derivatives(world, seed, radius):
    d = somewhere(world, seed, radius)
    J = world.generator.jacobian(d)
    assert J.shape == (world.generator.n, world.size)
    assert np.allclose(J, differences(world.generator.output, d), rtol=1e-8, atol=1e-8 * (1 + norm(J)))
    x = world.generator.output(d)
    assert np.allclose(world.operator.jacobian(x), differences(world.operator, x), rtol=1e-8, atol=1e-8)


@given(WORLDS, seeds(), st.sampled_from((0.1, 0.5)))
def test_the_velocity_is_minus_the_gradient_of_the_objective(world, seed, radius):
    d = somewhere(world, seed, radius)
    seen = world.observe(d)
    width = 1e-3 * min(1.0, seen.residual / max(world.sensitivity(d), 1e-300))
    gradient = differences(world.objective, d, width)[0]
    allowed = 1e-6 * norm(gradient) + 1e-12 * seen.loss / width + 1e-300
    # rounding of v − y, which the differences divide by their width
    allowed += 1e-15 * norm(world.y) * norm(world.loss.grad(world.observation(d), world.y)) / width
    assert norm(world.velocity(d) + gradient) <= allowed


@given(WORLDS, seeds(), st.sampled_from((1e-3, 0.1, 1.0, 5.0)))
def test_the_modulus_bounds_the_change_of_the_jacobian(world, seed, radius):
    d = somewhere(world, seed, radius)
    change = norm(world.generator.jacobian(d) - world.J_0, 2)
    r = norm(d)
    assert change <= world.generator.modulus_at(r) * (1 + 1e-9) + 1e-12
    assert change <= world.generator.modulus * r * (1 + 1e-9) + 1e-12


def test_the_modulus_is_attained_where_it_is_exact():
    world = making.extremal(0.25, Lambda=2.0)
    d = np.array([0.3])
    assert norm(world.generator.jacobian(d) - world.J_0, 2) == pytest.approx(world.generator.modulus * 0.3, rel=1e-14)


@given(st.one_of(quadratic("free"), two_layer("free", width=4)), seeds(), st.sampled_from((0.1, 1.0, 5.0)))
def test_the_lipschitz_constant_bounds_any_two_jacobians_of_the_ball(world, seed, radius):
    first, second = somewhere(world, seed, radius), somewhere(world, seed + 1, radius / 2)
    apart = norm(world.generator.jacobian(first) - world.generator.jacobian(second), 2)
    assert apart <= world.generator.lipschitz(radius) * norm(first - second) * (1 + 1e-9) + 1e-12
    R = world.generator.radius(world.sigma_0)
    if math.isfinite(R):
        assert R * world.generator.lipschitz(R) <= world.sigma_0 / 2 * (1 + 1e-9)


@given(st.integers(1, 3).flatmap(lambda n: operators(n, kind="any")), seeds())
def test_the_constants_of_operators_are_on_the_right_side(operator, seed):
    rng = np.random.default_rng(seed)
    m, n = operator.A.shape
    x, other = 3 * rng.standard_normal(n), 3 * rng.standard_normal(n)
    J = operator.jacobian(x)
    values = np.linalg.svd(J, compute_uv=False)
    positive = values[values > 1e-12 * values[0]]
    assert operator.sigma_F <= positive[-1] * (1 + 1e-7)
    assert values[0] <= operator.opnorm * (1 + 1e-12)
    apart = norm(x - other)
    assert norm(J - operator.jacobian(other), 2) <= operator.curvature * apart * (1 + 1e-9) + 1e-12
    assert norm(operator(x) - operator(other)) >= operator.mu * apart * (1 - 1e-9)
    assert operator.onto == (positive.size == m)
    if isinstance(operator, Linear) and positive.size < n:
        assert operator.mu == 0


@given(WORLDS)
def test_files_keep_every_digit(world):
    again = World.from_json(json.loads(json.dumps(world.to_json())))
    assert again.to_json() == world.to_json()
    d = somewhere(world, 1, 0.5)
    assert np.array_equal(again.velocity(d), world.velocity(d))
    assert again.rho_0 == world.rho_0


@pytest.mark.parametrize("name", OUTSIDE)
def test_losses_from_outside_are_written_and_read(name):
    world = making.quadratic(n=2).with_(loss=OUTSIDE[name]())
    assert World.from_json(world.to_json()).objective(world.start) == world.objective(world.start)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"generator": {"kind": "cubic"}}, "unknown kind of generator 'cubic'"),
        ({"operator": {"kind": "linear"}}, "the linear operator"),
        ({"y": [1.0, 2.0]}, "y has shape"),
        ({"y": [float("nan")]}, "NaN"),
        ({"loss": {"name": "l1"}}, "unknown loss"),
    ],
)
def test_what_is_off_in_a_file_is_said(change, words):
    data = making.extremal().to_json()
    with pytest.raises(ValueError, match=words):
        World.from_json({**data, **change})
    with pytest.raises(ValueError, match="a world needs y"):
        World.from_json({name: value for name, value in data.items() if name != "y"})


@pytest.mark.parametrize("data", [None, 5, "world", [], ["y"], True])
def test_what_is_no_world_is_a_value_error(data):
    with pytest.raises(ValueError, match="a world is not what it should be"):
        World.from_json(data)


@pytest.mark.parametrize("name", ["generator", "operator", "loss", "y", "clean", "truth", "label"])
@pytest.mark.parametrize(
    "value", [5, "x", ["x"], [[]], {"kind": []}, {"kind": 5, "name": []}, [10**400], [True], [None]]
)
def test_entries_of_a_wrong_type_are_value_errors(name, value):
    if (name, value) == ("label", "x"):
        return
    with pytest.raises(ValueError, match=r"\w"):
        World.from_json({**making.extremal().to_json(), name: value})


@pytest.mark.parametrize("loss", [{"name": "least_squares", "weights": "x"}, {"name": "lp", "p": [], "m": None}])
def test_parameters_of_a_loss_of_a_wrong_type_are_value_errors(loss):
    with pytest.raises(ValueError, match=r"\w"):
        World.from_json({**making.extremal().to_json(), "loss": loss})


CONCAVE = [(name, parameters) for name in LOSSES for parameters in PARAMETERS[name]]


@pytest.mark.parametrize(("name", "parameters"), CONCAVE)
def test_psi_is_concave_for_every_loss(name, parameters):
    """`A.loss.concave_psi` is answered with yes for all of them: ψ' must not increase, and ψ(0) = 0."""
    loss = making.loss_of(name, 2, **parameters)
    s = sym("s")
    second = sp.lambdify([s], sp.diff(loss.kl.psi(s), s, 2), "mpmath")
    with mpmath.workdps(40):
        for exponent in range(-12, 7):
            for mantissa in (1, 3, 7):
                assert second(mpmath.mpf(mantissa) * mpmath.mpf(10) ** exponent) <= 0
    assert float(loss.psi(0.0)) == 0.0


def test_a_loss_with_a_convex_psi_would_be_noticed():
    s = sym("s")
    assert sp.diff(s**2, s, 2).subs(s, 1) > 0


# ------------------------------------------------------------------------------------------------------------- runs
PRECISE = [
    making.extremal(0.25),
    making.quadratic("sharp", 0.5, n=2, size=3, loss="p_power", parameters={"p": 3}),
    making.quadratic("sharp", 0.5, n=2, loss="lp", parameters={"p": 4}, operator=making.operator_of("sine", 2, 2)),
    making.two_layer("sharp", 0.5, n=1, k=3),
    making.two_layer("sharp", 0.5, n=1, k=3, train="W", activation="gelu", loss="pseudo_huber"),
    making.deep("sharp", 0.5, widths=(2,), loss="log_cosh", biases=True),
]


@pytest.mark.parametrize("world", PRECISE, ids=lambda world: f"{world.generator.kind}-{world.loss.name}")
def test_the_run_in_mpmath_and_the_run_in_doubles_agree_within_the_stated_errors(world):
    run = flow(world, rtol=1e-11, loss_ratio=1e-3)
    chosen = sorted({2, len(run) // 2, len(run) - 1})
    exact = precise_flow(world, [float(run.t[i]) for i in chosen])
    for j, i in enumerate(chosen, 1):
        assert exact.t[j] == run.t[i]
        assert norm(exact.d[j] - run.d[i]) <= run.error_theta[i] + exact.error_theta[j]
        assert abs(exact.length[j] - run.length[i]) <= run.error_length[i] + exact.error_length[j]
        assert abs(exact.residual[j] - run.residual[i]) <= run.error_residual[i] + exact.error_residual[j]
    assert exact.error_theta[-1] < 1e-2 * run.error_theta[-1]


def test_the_run_in_mpmath_is_the_closed_form():
    from numerics.extremal import ExtremalFamily

    member = ExtremalFamily.with_h(0.25)
    exact = precise_flow(making.extremal(0.25), [1.0, 7.0])
    assert np.max(np.abs(exact.residual[1:] / member.residual([1.0, 7.0]) - 1)) < 1e-14
    assert np.max(np.abs(exact.length[1:] / member.length([1.0, 7.0]) - 1)) < 1e-15


def test_descent_in_mpmath_is_descent():
    world = making.two_layer("descent", 0.5, n=1, k=3)
    run = descend(world, step_for(world, 0.5), steps=20)
    exact = precise_descent(world, 0.5, 20)
    for i, j in enumerate(run.t.astype(int)):
        assert norm(run.d[i] - exact.d[j]) <= run.error_theta[i] + exact.error_theta[j]


def test_mpmath_needs_an_expression_of_the_loss():
    with pytest.raises(LookupError, match="no expression"):
        precise_flow(making.extremal().with_(loss=OUTSIDE["flat"]()), [1.0])


def test_generators_say_what_they_cannot():
    world = making.deep("sharp", 0.5)
    assert isinstance(world.generator, DeepGenerator)
    with pytest.raises(LookupError, match="only a centre modulus"):
        world.generator.lipschitz(1.0)
    with pytest.raises(ValueError, match="symmetric"):
        Quadratic([[1.0, 0.0]], [[[0.0, 1.0], [0.0, 0.0]]])
    with pytest.raises(ValueError, match="below 1"):
        Sine([[1.0]], 1.5)
    assert Scene(flow(making.extremal(), t_max=1.0)).radius == 0.5
