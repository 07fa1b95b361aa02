"""The shipped examples through the command; the slow one in a reduced copy."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from verify.problem import load

EXAMPLES = Path(__file__).parents[2] / "examples"


def command(arguments, cwd):
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "error", "MPLBACKEND": "agg"}
    return subprocess.run(
        [sys.executable, "-m", "verify.cli", *map(str, arguments)],
        check=False, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """name → (code, result.json, directory), each example run once."""
    known = {}

    def get(name):
        if name not in known:
            directory = tmp_path_factory.mktemp(name)
            file = EXAMPLES / f"{name}.toml"
            if name == "mri":
                text = file.read_text(encoding="utf-8")
                for old, new in (("size = 48", "size = 16"), ("width = 4608", "width = 1024")):
                    assert old in text
                    text = text.replace(old, new)
                file = directory / "mri.toml"
                file.write_text(text, encoding="utf-8")
            done = command(["run", file, "--out", directory / "out"], directory)
            assert "internal error" not in done.stderr, done.stderr
            content = json.loads((directory / "out" / "result.json").read_text(encoding="utf-8"))
            known[name] = (done.returncode, content, directory / "out")
        return known[name]

    return get


def in_force(content, key="guarantees"):
    return {g["statement"] + ("" if "amgm" not in g["statement"] else g["title"].split(",")[1].split("(")[0].strip())
            for g in content[key] if g["status"] == "in_force"}  # fmt: skip


def test_every_example_is_listed_here():
    assert {path.stem for path in EXAMPLES.glob("*.toml")} == {
        "eeg",
        "gaussian_narrow",
        "gaussian_wide",
        "mri",
        "small_width",
    }
    for path in EXAMPLES.glob("*.toml"):
        assert load(path).title


@pytest.mark.parametrize("name", ["eeg", "gaussian_narrow", "gaussian_wide", "mri", "small_width"])
def test_an_example_holds_and_says_when_to_stop(outcome, name):
    code, content, out = outcome(name)
    assert (code, content["exit_code"], content["verdict"]) == (0, 0, "holds")
    assert all(check["verdict"] == "holds" for check in content["checks"])
    strongest = next(
        g for g in content["guarantees"] if g["statement"] == content["strongest"] and g["status"] == "in_force"
    )
    assert 0 < strongest["stop_time"] < 1e4
    assert any(g["zero_loss"] for g in content["guarantees"] if g["status"] == "in_force")
    assert {g["status"] for g in content["recovery"] if g["statement"] == "recover.split"} == {"measured"}
    assert "recover.split" in {check["statement"] for check in content["checks"]}
    for file in ("report.txt", "trajectory.npz", "curves.csv", "loss.svg", "sigma.svg", "distance.svg", "signal_error.svg",
                 "reconstruction.svg", "reconstruction.png"):  # fmt: skip
        assert (out / file).stat().st_size > 0, file
    with (out / "curves.csv").open(encoding="utf-8", newline="") as rows:
        drawn = {row[0] for row in csv.reader(rows)}
    assert {"rho", "sigma", "length", "signal_error"} <= drawn


def test_the_wide_example_meets_every_a_priori_condition(outcome):
    _, content, _ = outcome("gaussian_wide")
    assert {"baseline.condition", "sharp.condition", "dip2.amgmlinear", "dip2.amgmdual", "dip2.balanced"} <= in_force(
        content
    )
    assert {"baseline.recovery", "recover.kernel"} <= in_force(content, "recovery")
    statements = {check["statement"] for check in content["checks"]}
    assert {"baseline.loss_rate", "baseline.early_stop", "sharp.logistic", "sharp.stop", "recover.linear"} <= statements
    assert all(check["verdict"] == "holds" and check["n_times"] for check in content["checks"])
    assert content["restart"]["first"]["t"] == 0


def test_the_narrow_example_has_no_baseline_but_amgm_and_balanced(outcome):
    _, content, _ = outcome("gaussian_narrow")
    status = {g["statement"]: g for g in content["guarantees"]}
    assert status["baseline.condition"]["status"] == "not_met"
    assert "is not below R" in status["baseline.condition"]["reason"]
    assert {"dip2.amgmdual", "dip2.balanced"} <= in_force(content)


@pytest.mark.parametrize("name", ["eeg", "mri"])
def test_the_reconstruction_is_better_than_the_observation(outcome, name):
    _, content, _ = outcome(name)
    quality = content["quality"]
    assert quality["reconstruction"]["relative_error"] < 0.7 * quality["observation"]["relative_error"]
    assert quality["reconstruction"]["psnr_db"] > quality["observation"]["psnr_db"] + 3


def test_the_image_is_trained_with_w_only_and_its_convergence_is_decided(outcome):
    _, content, _ = outcome("mri")
    assert {"wonly.threshold", "wonly.rate"} <= in_force(content)


def test_the_seed_of_the_command_replaces_that_of_the_file(outcome, tmp_path):
    _, first, _ = outcome("gaussian_narrow")
    done = command(
        ["run", EXAMPLES / "gaussian_narrow.toml", "--out", tmp_path / "out", "--json", "--seed", "1"], tmp_path
    )
    again = json.loads(done.stdout)
    assert first["seed"] == 1
    for run in (first, again):
        run.pop("seconds")
    assert first == again
