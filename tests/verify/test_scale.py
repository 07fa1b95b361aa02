"""The advised smallest output scale is sharp: just above it the condition is in force, just below it is not."""

import json
import math

import pytest

from verify import guarantees
from verify.instance import Instance
from verify.problem import build, parse
from verify.scale import smallest_scale


def evaluated(data, scale, find):
    data = json.loads(json.dumps(data))
    data["network"]["output_scale"] = scale
    loss, _ = guarantees.evaluate(Instance.of(build(parse(data))))
    return find(loss, "sharp.condition"), find(loss, "dip2.amgm", "dual") if data["network"][
        "train"
    ] == "both" else None


@pytest.mark.parametrize("train", ["both", "W"])
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
@pytest.mark.parametrize("current", [1.0, 37.5])
def test_the_threshold_is_sharp(lab, find, train, activation, current):
    network = {"train": train, "activation": activation, "output_scale": current}
    data = lab.table(2, 4, seed=4, network=network, loss={"kind": "weighted_least_squares", "weights": [0.5, 2.0]})
    advice = smallest_scale(lab.instance(2, 4, seed=4, network=network, loss=data["loss"]))
    assert advice.applies
    assert advice.current == current
    above, _ = evaluated(data, advice.sharp * (1 + 1e-6), find)
    below, _ = evaluated(data, advice.sharp * (1 - 1e-6), find)
    assert above.in_force
    assert below.status == "not_met"
    if train == "both":
        assert advice.smallest == min(advice.sharp, advice.amgm)
        _, above = evaluated(data, advice.amgm * (1 + 1e-6), find)
        _, below = evaluated(data, advice.amgm * (1 - 1e-6), find)
        assert above.in_force
        assert below.status == "not_met"
    else:
        assert advice.amgm is None
        assert advice.smallest == advice.sharp


def test_the_advice_itself_is_a_scale_that_will_do(lab, find):
    data = lab.table(3, 3, seed=6, network={"train": "both"})
    advice = smallest_scale(lab.instance(3, 3, seed=6))
    assert evaluated(data, advice.sharp, find)[0].in_force
    assert evaluated(data, advice.amgm, find)[1].in_force


def test_without_an_antisymmetric_start_there_is_no_advice_but_how_to_get_it(lab):
    advice = smallest_scale(lab.instance(seed=1, network={"antisymmetric": False}))
    assert not advice.applies
    assert advice.sharp == advice.smallest == math.inf
    assert "antisymmetric" in advice.reason


def test_outside_the_assumptions_there_is_none(lab):
    assert smallest_scale(lab.instance(seed=1, network={"activation": "relu"})) is None


def test_too_narrow_for_any_scale(lab):
    """W only with fewer pairs of neurons than data: σ0 = 0 at every scale."""
    advice = smallest_scale(lab.instance(3, 3, seed=1, network={"train": "W", "width": 4}))
    assert advice.sharp == math.inf
