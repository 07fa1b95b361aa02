"""The public strategies: margins are met, kinds are what they are called, violations are of one hypothesis, small shrinks."""

from __future__ import annotations

import math
import sys

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from numerics.assumed import ANSWERS, assumed
from numerics.scene import Scene
from numerics.worlds import Linear, Record, Sine, World, flow
from theory.ledger import registry
from theory.losses import LOSSES
from verify import making
from verify.case import claim_named
from verify.claims import hypotheses_met, in_force
from verify.engine import Engine, simulate
from verify.hypothesis_plugin import TYPES, setup
from verify.strategies import (
    activations,
    deep,
    engines,
    extremal,
    losses,
    margins,
    operators,
    quadratic,
    trains,
    two_layer,
    violating,
    wonly,
    worlds,
)
from verify.strategies.parts import PARAMETERS, SMOOTH
from verify.strategies.types import STRATEGIES
from verify.strategies.violating import VIOLATED

#: Hypothesis tries the smallest example first.
FIRST = settings(max_examples=1, database=None, phases=[Phase.generate])
FEW = settings(max_examples=100, database=None, suppress_health_check=list(HealthCheck))


def start_of(world: World) -> Scene:
    """A run that stops at once: enough for hypotheses and conditions."""
    return simulate(world, Engine(times=(), t_max=1e-9))


def h(world: World) -> float:
    return world.generator.modulus * world.rho_0 / (world.operator.sigma_F * world.sigma_0**2)


# ------------------------------------------------------------------------------------------------------------ margins
@given(st.one_of(two_layer("sharp", margin=st.just(0.9)), quadratic("sharp", margin=st.just(0.9))))
def test_h_is_what_was_asked_for(world):
    assert h(world) == pytest.approx(0.45, rel=1e-6) or world.generator.modulus == 0


@given(deep("sharp"))
def test_deep_worlds_have_their_length_bound_within_reach(world):
    assert 0 < h(world) < 0.5
    ell_star = world.sigma_0 / world.generator.modulus * (1 - math.sqrt(1 - 2 * h(world)))
    assert ell_star <= world.generator.reach * (1 + 1e-12)


@given(st.one_of(two_layer("baseline", margin=st.just(0.9)), quadratic("baseline", margin=st.just(0.9))))
def test_R_prime_over_R_is_what_was_asked_for(world):
    R = world.generator.radius(world.sigma_0)
    R_prime = 2 * world.rho_0 / (world.operator.sigma_F * world.sigma_0)
    assert math.isinf(R) or R_prime / R == pytest.approx(0.9, rel=1e-6)


@given(two_layer("amgm", margin=st.just(0.75), train=st.just("both")))
def test_the_amgm_condition_has_its_margin(world):
    net = world.generator.start
    f_0 = np.linalg.norm(net.activation.phi(net.a)) / math.sqrt(net.k)
    bound = world.operator.sigma_F * math.sqrt(net.k) * f_0**2 / net.activation.B1.as_upper()
    assert world.rho_0 / bound == pytest.approx(0.75, rel=1e-6)


@pytest.mark.parametrize("c", [0.25, 0.5, 0.9])
def test_descent_has_its_margin_and_a_step(c):
    world = making.two_layer("descent", 0.8, c=c)
    assert h(world) / (1 - c) == pytest.approx(0.4, rel=1e-9)
    assert simulate(world, Engine("descent", c=c, steps=2)).record.engine == "descent"


@given(two_layer("balanced", activation=("tanh",), train=st.just("both")))
def test_balanced_worlds_have_a_gap(world):
    net = world.generator.start
    assert np.max(np.sinh(net.a) ** 2 - np.sum(net.V**2, axis=0)) > 0


@settings(max_examples=12)
@given(wonly())
def test_the_data_of_wonly_are_interior(world):
    run = flow(world, loss_ratio=1e-6, max_steps=1500)
    assert run.loss[-1] < 1e-5 * run.loss[0] or run.status == "max_steps"


@given(st.one_of(two_layer("sharp"), quadratic("sharp"), deep("sharp"), extremal()))
def test_truth_and_clean_observation_belong_together(world):
    assert np.allclose(world.operator(world.truth), world.clean, rtol=1e-12, atol=1e-12)
    assert not world.operator.linear or world.attainable


@pytest.mark.parametrize("statement", ["sharp.rate", "baseline.loss_rate", "dip2.amgm", "gd.rate"])
def test_nothing_is_filtered_every_world_is_in_force(statement):
    """The claim itself asks: every drawn world meets every hypothesis and condition."""
    condition = {"sharp.rate": "sharp", "baseline.loss_rate": "baseline", "dip2.amgm": "amgm", "gd.rate": "descent"}[
        statement
    ]
    claim, seen = claim_named(statement), 0
    engine = Engine("descent", steps=2) if condition == "descent" else Engine(times=(1e-9,), t_max=1e-8)
    train = st.just("both") if condition == "amgm" else None

    @settings(max_examples=30, suppress_health_check=list(HealthCheck), database=None)
    @given(two_layer(condition, train=train))
    def every(world):
        nonlocal seen
        seen += 1
        scene = simulate(world, engine)
        why = hypotheses_met(claim, scene)
        assert why == "" or (why.startswith("A.operator.range ") and _radial_only(world)), why
        assert in_force(claim, scene.at(1)) == ""

    every()
    assert seen >= 25


def _radial_only(world: World) -> bool:
    """Losses without the radial inequality on an operator that is not onto: their range condition is not known."""
    return not world.operator.onto and not world.loss.theory.range_radial


@given(extremal("baseline", margin=st.just(0.9)), extremal("descent", c=0.25), extremal(margin=st.just(0.9)))
def test_the_extremal_family_maps_its_margin_to_the_condition(baseline, descent, sharp):
    assert h(baseline) == pytest.approx(0.9 / 4, rel=1e-12)
    assert 0 < h(descent) < 0.75 / 2
    assert h(sharp) == pytest.approx(0.9 / 2, rel=1e-12)


@given(worlds("extremal", "baseline"))
def test_worlds_pass_the_condition_to_the_extremal_family(world):
    assert in_force(claim_named("baseline.loss_rate"), start_of(world).at(1)) == ""


@given(extremal("free", margin=st.just(0.75)))
def test_free_prescribes_rho_0(world):
    assert world.rho_0 == pytest.approx(0.75, rel=1e-12)


def test_a_condition_that_a_kind_cannot_meet_is_refused():
    with pytest.raises(
        ValueError, match=r"deep worlds cannot be asked to meet 'baseline'; they are made for sharp, free"
    ):
        worlds("deep", "baseline")
    with pytest.raises(ValueError, match="no condition"):
        worlds("wonly", "sharp")
    with pytest.raises(ValueError, match="choose any"):
        worlds("shallow")
    with pytest.raises(ValueError, match="unknown condition 'basline'"):
        worlds("any", "basline")
    with pytest.raises(ValueError, match="extremal family is made for"):
        find(extremal("amgm"), lambda world: True, settings=FIRST)


@pytest.mark.parametrize(
    ("condition", "kinds"),
    [
        ("baseline", {"quadratic", "two_layer"}),  # deep networks have no Lipschitz constant
        ("descent", {"quadratic", "two_layer"}),
        ("amgm", {"two_layer"}),
        ("free", {"quadratic", "two_layer", "deep"}),
    ],
)
def test_any_is_what_can_meet_the_condition(condition, kinds):
    assert {world.generator.kind for world in drawn(worlds("any", condition), 40)} == kinds


def test_any_passes_options_to_every_kind_that_takes_them():
    found = drawn(
        worlds(
            "any", margin=st.just(0.9), loss=("log_cosh",), activation=("sin",), noise=st.just(0.0), operator="identity"
        )
    )
    assert {world.generator.kind for world in found} == {"quadratic", "two_layer", "deep"}
    assert {world.loss.name for world in found} == {"log_cosh"}  # the extremal family is left out: it has one loss
    assert {world.generator.activation.name for world in found if world.generator.kind != "quadratic"} == {"sin"}
    assert all(h(world) == pytest.approx(0.45, rel=1e-6) or world.generator.modulus == 0 for world in found)
    assert all(np.array_equal(world.y, world.clean) for world in found)
    sharp = drawn(worlds("any", margin=st.just(0.9)), 60)
    assert any(world.label.startswith("extremal") for world in sharp)
    assert all(h(world) == pytest.approx(0.45, rel=1e-6) or world.generator.modulus == 0 for world in sharp)


def test_options_that_nobody_takes_are_refused():
    with pytest.raises(
        TypeError, match=r"takes no widht; extremal takes unit, margin, noise, c; quadratic takes .*width"
    ):
        worlds("any", widht=3)
    with pytest.raises(TypeError, match=r"worlds\('extremal'\) takes no loss; extremal takes unit"):
        worlds("extremal", loss=("lp",))
    with pytest.raises(TypeError, match="takes no margin; wonly takes activation"):
        worlds("wonly", margin=st.just(0.5))
    with pytest.raises(TypeError, match="no kind of world takes unit together with loss"):
        worlds("any", unit=True, loss=("lp",))
    assert find(worlds("wonly", width=3), lambda world: True, settings=FIRST).label.startswith("interior")


# -------------------------------------------------------------------------------------------------------------- parts
@given(operators(2, kind="ill"))
def test_ill_conditioned_operators_are(operator):
    assert 10 * (1 - 1e-6) <= operator.opnorm / operator.sigma_F <= 1e8 * (1 + 1e-6)


@given(operators(3, kind="deficient"), operators(3, kind="wide"), operators(2, kind="injective"))
def test_ranks_are_what_the_kind_says(deficient, wide, injective):
    assert np.linalg.matrix_rank(deficient.A) == 2
    assert wide.A.shape == (2, 3)
    assert wide.mu == 0
    assert injective.A.shape == (3, 2)
    assert injective.mu > 0
    assert not injective.onto


def test_condition_1e8_occurs():
    assert find(operators(2, kind="ill"), lambda F: F.opnorm / F.sigma_F > 9e7, settings=FEW).sigma_F < 1.1e-8


def test_singular_values_are_prescribed():
    operator = making.operator_of("values", 3, 2, values=[3.0, 1e-8], seed=5)
    # absolute accuracy: forming the matrix rounds at the size of the largest
    assert np.linalg.svd(operator.A, compute_uv=False) == pytest.approx([3.0, 1e-8], abs=1e-15)
    with pytest.raises(ValueError, match="at most 2"):
        making.operator_of("values", 3, 2, values=[1.0, 1.0, 1.0])
    with pytest.raises(ValueError, match="m = n"):
        making.operator_of("identity", 3, 2)


def drawn(strategy, count=150):
    """What a strategy draws."""
    found = []

    @settings(max_examples=count, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(strategy)
    def collect(value):
        found.append(value)

    collect()
    return found


def test_every_loss_activation_and_mode_is_drawn():
    assert {loss.name for loss in drawn(losses(2))} == set(LOSSES)
    assert set(drawn(activations())) == set(SMOOTH)
    assert "relu" not in SMOOTH
    assert set(drawn(trains(), 20)) == {"both", "W"}
    assert {operator.kind for operator in drawn(operators(2, kind="any"), 60)} == {"linear", "sine"}
    assert {world.generator.kind for world in drawn(worlds(), 60)} == {"quadratic", "two_layer", "deep"}


def test_every_loss_has_parameters_to_draw():
    assert set(PARAMETERS) == set(LOSSES)


@given(margins(0.5))
def test_margins_are_inside(margin):
    assert 0 < margin < 0.5


# -------------------------------------------------------------------------------------------------------------- shrinks
def test_worlds_shrink_to_the_smallest_readable_instance():
    world = find(two_layer("sharp"), lambda world: True, settings=FIRST)
    assert (world.generator.n, world.generator.k, world.generator.activation.name) == (1, 1, "tanh")
    assert world.loss.name == "least_squares"
    assert h(world) == pytest.approx(0.25)
    assert find(extremal(), lambda world: h(world) > 0.3, settings=FEW).to_json()["y"] == [0.375]
    assert find(worlds(), lambda world: True, settings=FIRST).label == "extremal, h = 0.25"


def test_a_failure_far_from_the_smallest_instance_shrinks_to_it():
    @settings(max_examples=200, database=None, suppress_health_check=list(HealthCheck))
    @given(two_layer("sharp", loss=("least_squares",)))
    def too_wide(world):
        assert world.generator.k < 5, world.generator.k

    with pytest.raises(AssertionError, match=r"^5"):
        too_wide()


# ---------------------------------------------------------------------------------------------------------- violating
#: Hypothesis or condition → a statement that asks for it.
ASKED = {
    "A.operator.range": "sharp.rate",
    "A.loss.unique": "sharp.rate",
    "A.loss.min": "sharp.rate",
    "A.loss.KL": "sharp.rate",
    "A.loss.smooth": "sharp.rate",
    "A.loss.plain_least_squares": "baseline.mse_rate",
    "A.loss.least_squares": "sharp.logistic",
    "A.init": "sharp.rate",
    "A.network.both": "dip2.amgm",
    "A.network.W": "wonly.mirror",
    "A.network.two_layer": "dip2.modulus",
    "A.network.feedforward": "deep.modulus",
    "A.network.regular_start": "wonly.mirror",
    "A.activation": "dip2.modulus",
    "A.generator.linear_modulus": "sharp.logistic",
    "A.generator.lipschitz": "baseline.loss_rate",
    "A.operator.linear": "recover.kernel",
    "A.injective": "baseline.recovery",
    "A.noise.positive": "sharp.stop",
    "A.noise.none": "illposed.rate",
}
#: What no world can have without the hypothesis that fails.
FOLLOWS = {
    "A.loss.min": {"A.loss.KL"},  # near a positive minimum the gradient vanishes, and psi' is finite
    "A.network.two_layer": {"A.activation"},
    "A.network.feedforward": {"A.activation"},
    "A.activation": {"A.generator.smooth"},
    "A.operator.linear": {"A.injective"},
}


def test_every_violation_is_asked_about():
    conditions = {"sharp.condition", "baseline.condition", "dip2.amgm", "dip2.balanced"}
    assert set(ASKED) | conditions == set(VIOLATED)
    assert all(
        name in registry[ASKED[name]].hypotheses or name in claim_named(ASKED[name]).hypotheses for name in ASKED
    )


@pytest.mark.parametrize("hypothesis", ASKED)
def test_exactly_that_hypothesis_fails(hypothesis):
    claim = claim_named(ASKED[hypothesis])

    @settings(max_examples=12, database=None, suppress_health_check=list(HealthCheck))
    @given(violating(hypothesis))
    def every(world):
        scene = start_of(world)
        answers = {name: assumed(name, scene) for name in claim.hypotheses}
        assert answers.pop(hypothesis) is not True
        others = {name for name, answer in answers.items() if answer is not True}
        assert others <= FOLLOWS.get(hypothesis, set())

    every()


@pytest.mark.parametrize(
    ("condition", "statement"),
    [
        ("sharp.condition", "sharp.rate"),
        ("baseline.condition", "baseline.loss_rate"),
        ("dip2.amgm", "dip2.amgm"),
        ("dip2.balanced", "dip2.balanced"),
    ],
)
def test_exactly_that_condition_fails(condition, statement):
    claim = claim_named(statement)

    @settings(max_examples=12, database=None, suppress_health_check=list(HealthCheck))
    @given(violating(condition))
    def every(world):
        scene = start_of(world)
        assert all(assumed(name, scene) is True for name in claim.hypotheses)
        if world.generator.modulus > 0:  # a linear generator satisfies every condition
            assert in_force(claim, scene.at(1)).startswith(condition)

    every()


def test_an_unknown_violation_is_answered_with_the_nearest():
    with pytest.raises(KeyError, match=r"A\.operator\.range"):
        violating("A.operator.rang")


# ------------------------------------------------------------------------------------------------------- registration
def test_the_types_are_registered():
    setup()
    assert {name for names in TYPES.values() for name in names} == set(STRATEGIES)
    assert isinstance(find(st.from_type(World), lambda value: True, settings=FIRST), World)
    assert isinstance(find(st.from_type(Linear), lambda value: True, settings=FIRST), Linear)
    assert isinstance(find(st.from_type(Sine), lambda value: True, settings=FIRST), Sine)
    assert isinstance(find(st.from_type(Engine), lambda value: True, settings=FIRST), Engine)


def test_hypothesis_itself_registers_them_and_stays_light():
    """In a fresh interpreter, whatever is imported first; importing Hypothesis alone brings none of this project's modules."""
    import subprocess

    code = (
        "import sys; from verify.hypothesis_plugin import setup; import hypothesis; setup()\n"
        "import hypothesis.strategies as st\n"
        "assert not any(name.startswith(('numerics', 'theory')) for name in sys.modules)\n"
        "from numerics.worlds import World\n"
        "first = hypothesis.settings(max_examples=1, database=None, phases=[hypothesis.Phase.generate])\n"
        "world = hypothesis.find(st.from_type(World), lambda world: True, settings=first)\n"
        "assert world.label == 'extremal, h = 0.25', world\n"
        "import numerics.worlds as w; assert type(w.__spec__.loader).__module__.startswith(('importlib', '_frozen'))\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_entry_point_is_declared():
    import tomllib
    from pathlib import Path

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["hypothesis"] == {"dipcert": "verify.hypothesis_plugin:setup"}


@given(engines("flow"), engines("descent"))
def test_engines_are_what_they_are_called(flow_engine, descent_engine):
    assert flow_engine.kind == "flow"
    assert descent_engine.kind == "descent"
    assert Engine.from_json(descent_engine.to_json()) == descent_engine


def test_every_answer_about_a_world_is_an_answer():
    scene = start_of(making.two_layer())
    assert all(answer(scene) in (True, False, None) for answer in ANSWERS.values())
    assert isinstance(scene.record, Record)
