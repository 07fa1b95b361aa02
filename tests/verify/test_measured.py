"""Both sides of every conclusion, measured along real flows: the relations hold, and wrong ones fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp

from numerics.measured import MEASURED, Scene, budget, sides
from theory.claim import claim_of
from theory.ledger import registry
from theory.symbols import SYMBOLS, sym
from verify.claims import hypotheses_met, in_force
from verify.instance import Instance
from verify.problem import build, parse
from verify.run import simulate

# The steps and theorems on flows of two-layer networks.  Not measured here: the scalar family of sharp.optimal (it has
# tests of its own), and dip2.* on random initializations, other activations, or scaled networks.
DIP2 = ("dip2.amgm", "dip2.gram", "dip2.reduction", "dip2.modulus", "dip2.lipschitz", "dip2.two_sided")
MORE = (
    "dip2.conservation", "dip2.saturated_modulus", "illposed.energy", "illposed.semiconvergence", "recover.linear",
    "wonly.mirror", "wonly.rate", "wonly.stop",
)  # fmt: skip
KEYS = [
    key
    for key, item in registry.items()
    if item.conclusion is not None
    and (key.startswith(("step.", "baseline.", "sharp.")) or key in (*DIP2, *MORE))
    and key != "sharp.optimal"
]
CLAIMS = {key: claim_of(key, registry) for key in KEYS}


@pytest.fixture(scope="module")
def scenes(lab):
    """Runs on well-conditioned instances with a prescribed margin: baseline and sharp in force, both layers and W only."""
    weights = {"kind": "weighted_least_squares", "weights": [1.0, 2.0, 0.5]}
    cases = {
        "baseline, both": lab.with_margin("baseline", 0.9, seed=1, noise={"relative": 0.4}, flow={"loss_tol": 1e-11}),
        "baseline, W": lab.with_margin(
            "baseline",
            0.7,
            seed=2,
            network={"train": "W", "width": 96},
            noise={"relative": 0.4},
            flow={"loss_tol": 1e-11},
        ),
        "sharp, both": lab.with_margin("sharp", 0.9, seed=3, noise={"relative": 0.3}),
        "sharp, tall operator": lab.with_margin("sharp", 0.5, 5, 3, seed=4),
        "sharp, wide operator": lab.with_margin("sharp", 0.6, 2, 4, seed=5),
        "weighted": lab.with_margin(
            "baseline", 0.8, seed=6, loss=weights, noise={"relative": 0.4}, flow={"loss_tol": 1e-11}
        ),
        "amgm, both": lab.with_margin("amgm", 0.8, seed=7),
    }
    found = {}
    for name, data in cases.items():
        problem = build(parse(data))
        instance = Instance.of(problem)
        trajectory = simulate(instance, [], None, 1e-10)
        assert trajectory.status == "loss_stop", name
        g_bar = problem.truth / problem.output_scale
        clean = problem.y - problem.noise
        found[name] = Scene.of(trajectory, clean, g_bar if instance.U is None else instance.U.T @ g_bar)
    return found


def holds(relation, point):
    """Whether the relation holds within the budget: errors of the integrator, of difference quotients, of rounding."""
    lhs, rhs = sides(relation, point)
    allowed = budget(relation, point)
    if isinstance(relation, sp.Eq):
        return abs(lhs - rhs) <= allowed
    return (rhs - lhs if isinstance(relation, sp.Le | sp.Lt) else lhs - rhs) >= -allowed


def evaluable(key, point):
    if key == "step.chain_rule" and point.i % 4:  # a thousand evaluations of the loss
        return False
    return not hypotheses_met(CLAIMS[key], point.scene) and not in_force(CLAIMS[key], point)


def test_every_symbol_of_these_conclusions_is_measured():
    names = {s.name for key in KEYS for relation in (registry[key].conclusion, registry[key].condition, registry[key].when)
             if relation is not None for s in relation.free_symbols}  # fmt: skip
    assert not sorted(names - set(MEASURED) - {"z"})  # z is the variable of an integral
    assert not sorted(set(MEASURED) - set(SYMBOLS))
    assert len(KEYS) > 35


def test_both_sides_of_every_conclusion_are_computed_and_it_holds(scenes):
    count: Counter[str] = Counter()
    failed = []
    for name, scene in scenes.items():
        for point in scene.points():
            for key in KEYS:
                if evaluable(key, point):
                    count[key] += 1
                    if not holds(registry[key].conclusion, point):
                        failed.append((key, name, point.series("t"), sides(registry[key].conclusion, point)))
    assert not failed, failed[:10]
    assert not [key for key in KEYS if not count[key]], "never in force: the test says nothing about it"
    few = [key for key in KEYS if count[key] < 10]
    assert not few, few


def test_the_measured_jacobian_is_that_of_the_network():
    from numerics.activations import activation
    from numerics.networks import TwoLayer
    from numerics.worlds import TwoLayerGenerator

    rng = np.random.default_rng(0)
    for train in ("both", "W"):
        net = TwoLayer(activation("tanh"), train, rng.standard_normal(7), rng.standard_normal((3, 7)))
        generator = TwoLayerGenerator(net.activation, train, net.a, net.V)
        singular = np.linalg.svd(generator.jacobian(np.zeros(generator.size)), compute_uv=False)
        assert np.allclose(singular, net.singular_values(), rtol=1e-12)


# --- wrong relations fail -------------------------------------------------------------------------------------------------


def scaled(key, factor):
    relation = registry[key].conclusion
    return type(relation)(relation.lhs, factor * relation.rhs, evaluate=False)


def put(key, *pairs):
    relation = registry[key].conclusion
    return type(relation)(*(side.subs(dict(pairs), simultaneous=True) for side in relation.args), evaluate=False)


s = {name: sym(name) for name in SYMBOLS}
MUTANTS = {
    "energy, 1.5": ("step.energy", lambda: scaled("step.energy", 1.5)),
    "energy without the square": ("step.energy", lambda: sp.Eq(s["dloss"], -s["ell_dot"], evaluate=False)),
    "speed split, 1.5": ("step.speed_split", lambda: scaled("step.speed_split", 1.5)),
    "speed split without V": ("step.speed_split", lambda: sp.Eq(s["ell_dot"], s["ell_a_dot"], evaluate=False)),
    "gram, 1.5": ("dip2.gram", lambda: scaled("dip2.gram", 1.5)),
    "gram without f": ("dip2.gram", lambda: put("dip2.gram", (s["f_a"], 0))),
    "reduction without V": ("dip2.reduction", lambda: put("dip2.reduction", (s["V_dist"], 0))),
    "gradient with sigma_max": (
        "step.gradient_lower",
        lambda: put("step.gradient_lower", (s["sigma_t"], s["sigma_g"])),
    ),
    "gradient with the norm of A": (
        "step.gradient_lower",
        lambda: put("step.gradient_lower", (s["sigma_F"], s["A_norm"])),
    ),
    "kl, 1.5": ("step.kl", lambda: scaled("step.kl", 1.5)),
    "growth, 0.9": ("step.growth", lambda: scaled("step.growth", 0.9)),
    "ball with all of sigma_0": ("step.jacobian_ball", lambda: scaled("step.jacobian_ball", 2.0)),
    "length rate, 8": ("step.length_rate", lambda: scaled("step.length_rate", 8.0)),
    "confinement, 1/4": ("step.confinement", lambda: scaled("step.confinement", 0.25)),
    "dissipation, 8": ("step.dissipation", lambda: scaled("step.dissipation", 8.0)),
    "time change, 8": ("step.time_change", lambda: scaled("step.time_change", 8.0)),
    "tail, 1/8": ("step.tail_length", lambda: scaled("step.tail_length", 0.125)),
    "noise forgotten": ("step.triangle_obs", lambda: put("step.triangle_obs", (s["eps"], 0))),
    "triangle with the norm of A": ("step.triangle_sig", lambda: put("step.triangle_sig", (s["mu"], 9 * s["A_norm"]))),
    "loss rate, 8": ("baseline.loss_rate", lambda: put("baseline.loss_rate", (s["t"], 8 * s["t"]))),
    "mse rate, 8": ("baseline.mse_rate", lambda: put("baseline.mse_rate", (s["t"], 8 * s["t"]))),
    "early stop, 1": ("baseline.early_stop", lambda: scaled("baseline.early_stop", 0.25)),
    "sharp sigma, 1.05": ("sharp.sigma", lambda: scaled("sharp.sigma", 1.05)),
    "sharp length, 1/2": ("sharp.length", lambda: scaled("sharp.length", 0.5)),
    "sharp rate, 4": ("sharp.rate", lambda: put("sharp.rate", (s["t"], 4 * s["t"]))),
    "logistic, 4": ("sharp.logistic", lambda: put("sharp.logistic", (s["t"], 4 * s["t"]))),
    "general, 1/4": (
        "sharp.general",
        lambda: sp.Le(4 * s["t"], registry["sharp.general"].conclusion.rhs, evaluate=False),
    ),
    "sharp tail, 1/4": ("sharp.tail", lambda: scaled("sharp.tail", 0.25)),
    "majorant, 2": ("step.majorant", lambda: scaled("step.majorant", 2.0)),
    "majorant rate, 4": ("step.majorant_rate", lambda: scaled("step.majorant_rate", 4.0)),
    "amgm step, 8": ("step.amgm", lambda: scaled("step.amgm", 8.0)),
    "amgm, f never falls": ("dip2.amgm", lambda: sp.Ge(s["f_a"], 1.1 * s["f_0"], evaluate=False)),
    "conserved with a plus": (
        "dip2.conservation",
        lambda: sp.Eq(s["conserved"], s["conserved_0"] + s["V_dist"], evaluate=False),
    ),
    "kernel energy never grows": ("illposed.energy", lambda: sp.Le(s["dE"], -2 * s["residual"] ** 2, evaluate=False)),
    "mirror rate without D": ("wonly.rate", lambda: put("wonly.rate", (s["D_0"], 0))),
    "mirror stop, D/9": ("wonly.stop", lambda: put("wonly.stop", (s["D_0"], s["D_0"] / 9))),
    "saturated, 1.05": ("dip2.saturated_modulus", lambda: scaled("dip2.saturated_modulus", 1.05)),
    "modulus, 1/10": ("dip2.modulus", lambda: scaled("dip2.modulus", 0.1)),
    "two-sided, 2": ("dip2.two_sided", lambda: scaled("dip2.two_sided", 2.0)),
}


@pytest.mark.parametrize("mutant", list(MUTANTS))
def test_a_wrong_relation_fails(mutant, scenes):
    key, make = MUTANTS[mutant]
    relation = make()
    assert relation != registry[key].conclusion
    for scene in scenes.values():
        for point in scene.points()[::-1]:
            if evaluable(key, point) and not holds(relation, point):
                return
    pytest.fail(f"{mutant}: holds everywhere, so the runs do not test {key}")


def test_equalities_fail_at_every_time(scenes):
    """A factor in an identity is wrong wherever the flow moves."""
    scene = scenes["baseline, both"]
    for key in ("step.energy", "step.speed_split", "dip2.gram"):
        wrong = scaled(key, 1.001)
        moving = [point for point in scene.points() if point.series("loss") > 1e-3 * scene.at(0).series("loss")]
        assert len(moving) > 10
        assert not [point.series("t") for point in moving if holds(wrong, point)]


def test_what_is_not_known_is_said(scenes):
    scene = scenes["baseline, both"]
    record = scene.record
    blind = Scene(replace(record, world=replace(record.world, clean=None, truth=None)))
    with pytest.raises(LookupError, match="truth"):
        sides(registry["step.triangle_sig"].conclusion, blind.at(0))
    with pytest.raises(LookupError, match="nothing measures"):
        sides(registry["illposed.discrepancy"].conclusion, blind.at(0))
