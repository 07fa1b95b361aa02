"""run(): what it returns when it is interrupted, undecided, repeated; the same seed, the same numbers."""

import json
import math
import time
from importlib.metadata import version

import numpy as np
import pytest

import verify.run as module
from verify.conclusion import conclusion
from verify.output import strict_json
from verify.problem import build, parse
from verify.run import RunResult, compare, run
from verify.verdict import Check, Verdict

HOLDS = Check("x", "rho", "upper", Verdict.HOLDS, 1)


@pytest.fixture
def small(lab):
    return lab.with_margin("sharp", 0.6, seed=3)


def numbers(value):
    """Everything of a result but the clock."""
    return {k: v for k, v in value.to_json().items() if k != "seconds"}


def test_same_seed_same_numbers_other_seed_other_numbers(small):
    problem = parse(small)
    first, again, other = run(build(problem)), run(build(problem)), run(build(problem, seed=4))
    assert json.dumps(strict_json(numbers(first))) == json.dumps(strict_json(numbers(again)))
    assert np.array_equal(first.trajectory.rho, again.trajectory.rho)
    assert first.to_json()["problem_hash"] != other.to_json()["problem_hash"]
    assert first.instance.constants["rho_0"].value != other.instance.constants["rho_0"].value
    assert not np.array_equal(first.trajectory.rho[:5], other.trajectory.rho[:5])


@pytest.mark.parametrize("train", ["both", "W"])
def test_the_json_is_strict_and_complete(lab, train):
    result = lab.run(lab.table(seed=1, network={"train": train, "activation": "identity", "output_scale": 4.0}))
    text = json.dumps(strict_json(result.to_json()), allow_nan=False)
    data = json.loads(text)
    assert data["problem"]["network"]["output_scale"] == 4.0
    assert data["problem"]["flow"]["t_max"] == 1e6  # defaults are resolved
    assert data["problem_hash"] == result.problem.spec.hash()
    assert len(data["problem_hash"]) == 64
    assert data["dipcert"] == version("dipcert")
    assert data["versions"]["numpy"] == np.__version__
    assert data["seed"] == 1
    assert {c["statement"] for c in data["checks"]} == {c.statement for c in result.checks}
    for name, bound in data["constants"].items():
        assert bound["direction"] in ("exact", "lower", "upper", "estimate"), name
        assert bound["how"]
    assert data["verdict"] == str(result.verdict)


def replaced(result, checks):
    return module.RunResult(**{**result.__dict__, "checks": checks})


def test_exit_codes(lab, small):
    result = lab.run(small)
    assert (result.verdict, result.exit_code) == (Verdict.HOLDS, 0)
    for verdict, code in ((Verdict.VIOLATED, 1), (Verdict.UNDECIDED, 3)):
        wrong = replaced(result, [HOLDS, Check("x", "rho", "upper", verdict, 1), HOLDS])
        assert (wrong.verdict, wrong.exit_code) == (verdict, code)
    outside = lab.run(lab.table(seed=1, network={"activation": "relu", "output_scale": 30.0}))
    assert (outside.verdict, outside.exit_code) == (Verdict.HYPOTHESIS_NOT_MET, 3)
    # a violated bound is said even where nothing guarantees convergence
    assert replaced(outside, [Check("x", "rho", "upper", Verdict.VIOLATED, 1)]).exit_code == 1


class Impatient:
    """Presses Ctrl-C when the loss has halved."""

    def __init__(self):
        self.stages, self.start = [], math.nan

    def stage(self, text):
        self.stages.append(text)

    def __call__(self, t, loss, loss_stop):
        self.start = loss if math.isnan(self.start) else self.start
        if loss < 0.5 * self.start:
            raise KeyboardInterrupt


def test_an_interrupt_keeps_what_there_is_and_is_quick(lab):
    data = lab.table(2, 3, seed=3, network={"width": 40, "antisymmetric": False}, flow={"loss_tol": 1e-12})
    progress = Impatient()
    begun = time.perf_counter()
    result = run(build(parse(data)), progress=progress)
    assert time.perf_counter() - begun < 5
    assert result.status == "interrupted"
    assert len(result.trajectory.t) > 2
    assert result.trajectory.loss[-1] < 0.6 * result.trajectory.loss[0]
    assert result.restart.checkpoints == ()
    assert result.checks
    assert not [check for check in result.checks if check.verdict is Verdict.VIOLATED]
    assert "undecided: once more, tighter" not in progress.stages
    assert json.dumps(strict_json(result.to_json()), allow_nan=False)


def test_the_time_limit_keeps_what_there_is(lab):
    operator = {"kind": "dense", "values": [[1.0, 0.0], [0.0, 1e-4]]}
    data = lab.table(
        2, 2, seed=3, operator=operator, network={"output_scale": 50.0}, flow={"max_seconds": 0.3, "t_max": 1e9}
    )
    result = run(build(parse(data)))
    assert result.status == "max_seconds"
    assert len(result.trajectory.t) > 5
    assert Verdict.VIOLATED not in {check.verdict for check in result.checks}


def test_undecided_comparisons_are_repeated_tighter(lab, monkeypatch):
    """At rtol 1e-2 some comparison is undecided; the second run, a hundred times tighter, is the one that is kept."""
    data = {**lab.with_margin("sharp", 0.999, seed=3), "flow": {"loss_tol": 1e-7, "rtol": 1e-2}}
    problem, used = build(parse(data)), []
    inner = module.simulate

    def spying(instance, convergence, progress, rtol):
        used.append((rtol, inner(instance, convergence, progress, rtol)))
        return used[-1][1]

    monkeypatch.setattr(module, "simulate", spying)
    result = run(problem)
    assert [rtol for rtol, _ in used] == [1e-2, pytest.approx(1e-4)]

    def undecided(trajectory):
        checks = compare(
            result.instance, result.convergence + result.recovery, module.observe(result.instance, trajectory)
        )
        return sum(check.verdict is Verdict.UNDECIDED for check in checks)

    counts = [undecided(trajectory) for _, trajectory in used]
    assert counts[0] > counts[1]
    assert result.trajectory is used[1][1]


def test_a_claim_that_the_run_did_not_reach_is_not_worth_a_second_run(lab, monkeypatch):
    calls = []
    inner = module.simulate
    monkeypatch.setattr(module, "simulate", lambda *args: calls.append(1) or inner(*args))
    data = {**lab.with_margin("sharp", 0.5, seed=3), "flow": {"t_max": 1e-2}}
    assert run(build(parse(data))).verdict is Verdict.UNDECIDED
    assert len(calls) == 1


def test_the_noise_levels_are_located_and_stored(lab, small):
    result = lab.run(small)
    eps, tau = result.instance.constants["eps"].value, result.problem.tau
    assert sorted(result.trajectory.events) == pytest.approx([eps, tau * eps])
    for level, t in result.trajectory.events.items():
        i = int(np.argmin(np.abs(result.trajectory.t - t)))
        assert result.trajectory.t[i] == t
        assert result.trajectory.residual[i] == pytest.approx(level, rel=1e-6)


def test_only_guarantees_in_force_are_compared(lab):
    result = lab.run(lab.with_margin("sharp", 0.9, seed=3))
    missed = {g.statement for g in result.convergence + result.recovery if not g.in_force}
    assert "baseline.condition" in missed
    assert not {c.statement for c in result.checks} & {"baseline.loss_rate", "step.confinement", "step.jacobian_ball"}


def test_a_linear_network_holds_its_constant_jacobian_is_not_compared_with_itself(lab):
    result = lab.run(lab.table(seed=1, network={"activation": "identity", "train": "W", "output_scale": 4.0}))
    assert (result.verdict, result.exit_code) == (Verdict.HOLDS, 0)
    assert "sharp.sigma" not in {check.statement for check in result.checks}


def test_a_much_earlier_guarantee_is_told():
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((6, 6)))[0] for _ in range(2))
    data = {
        "seed": 1,
        "signal": {"source": "gaussian", "size": 6},
        "noise": {"relative": 0.3},
        "network": {"width": 60, "antisymmetric": True, "output_scale": 1000.0},
        "stop": {"tau": 1.5},
    }

    def told(condition: float) -> tuple[list[str], RunResult]:
        A = left @ np.diag(np.geomspace(1.0, 1.0 / condition, 6)) @ right
        result = run(build(parse({**data, "operator": A})))
        return [line for line in conclusion(result) if line.startswith("Guaranteed earlier")], result

    (line,), result = told(100.0)
    times = {g.statement: g.stop_time for g in result.convergence if g.in_force and g.stop_time is not None}
    assert result.strongest.statement == "sharp.condition"
    assert times["illposed.discrepancy"] == min(times.values()) < times["sharp.condition"] / 10
    assert f"at t = {times['illposed.discrepancy']:.4g} the residual is below 1.5‖ε‖" in line
    assert told(1.0)[0] == []
