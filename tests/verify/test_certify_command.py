"""`dipcert certify` and `dipcert recheck`: what is printed, exit codes, bad input."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.verify.certificate_inputs import WIDE
from verify.cli import main

ROOT = Path(__file__).resolve().parents[2]

SMALL = """
seed = 3
[signal]
source = "gaussian"
size = 12

[operator]
kind = "gaussian"
m = 6

[noise]
relative = 0.1

[network]
width = 24
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "wide.toml").write_text(WIDE)
    (tmp_path / "small.toml").write_text(SMALL)
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "net.npz", a=rng.standard_normal(40), V=rng.standard_normal((3, 40)), T=np.eye(3), y=np.ones(3))
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


def test_proved_rechecked_and_said_in_words(here):
    done = run("certify", "wide.toml")
    assert done.exit_code == 0, done.output
    for words in (
        "the parameters as given (t = 0)",
        "sharp.condition     PROVED",
        "Gradient flow from the stored parameters tends to zero loss",
        "rho(t) <=",
        "From t =",
        "the residual is at most",
        "Verdict: PROVED",
        "written: cert.json",
        "written: cert.npz",
        "Rechecked by the independent checker in",
    ):
        assert words in done.stdout
    again = run("recheck", "cert.json", "--problem", "wide.toml")
    assert again.exit_code == 0, again.output
    assert "Verdict: PROVED" in again.stdout
    assert "the arrays are those of wide.toml, bit for bit" in again.stdout


def test_along_the_flow(here):
    done = run("certify", "small.toml", "-o", "restart.json")
    assert done.exit_code == 0, done.output
    assert "of the flow" in done.stdout
    assert (here / "restart.npz").is_file()
    assert run("recheck", "restart.json", "--problem", "small.toml").exit_code == 0
    other = run("recheck", "restart.json", "--problem", "wide.toml")
    assert other.exit_code == 1
    assert "REJECTED: restart.json is about another problem than wide.toml" in other.stderr
    reseeded = run("recheck", "restart.json", "--problem", "small.toml", "--seed", "4")
    assert reseeded.exit_code == 1
    assert "R, signal, y" in reseeded.stderr


def test_refuted_has_its_exit_code_and_says_what_helps(here):
    done = run("certify", "small.toml", "--at", "start")
    assert done.exit_code == 3
    assert "REFUTED" in done.stdout
    assert "What would help: more training: rho has to fall from" in done.stdout
    assert "no proof that it does not converge" in done.stdout
    assert run("recheck", "cert.json").exit_code == 3


def test_a_checkpoint_is_certified_as_it_is_by_default_and_further_on_request(here):
    done = run("certify", "net.npz")
    assert done.exit_code == 3
    assert "the parameters as given" in done.stdout
    done = run("certify", "net.npz", "--at", "best", "-o", "later.json")
    assert done.exit_code == 0, done.output
    assert "of the flow" in done.stdout
    assert run("recheck", "cert.json", "--data", "cert.npz").exit_code == 3
    assert run("recheck", "later.json", "--data", "cert.npz").exit_code == 1


def test_json_is_all_there_is_on_stdout(here):
    done = run("certify", "wide.toml", "--json")
    data = json.loads(done.stdout)
    assert (data["verdict"], data["check"]["ok"]) == ("PROVED", True)
    assert data["problem_id"] == json.loads((here / "cert.json").read_text())["problem_id"]
    report = json.loads(run("recheck", "cert.json", "--json").stdout)
    assert (report["ok"], report["verdict"]) == (True, "PROVED")


def test_square_brackets_are_printed(here):
    """Titles and advice are text, not markup."""
    (here / "wide.toml").write_text('title = "Net [bold]7[/bold] [/]"\n' + WIDE)
    done = run("certify", "wide.toml")
    assert done.exit_code == 0, done.output
    assert "Net [bold]7[/bold] [/]: the parameters" in done.stdout
    np.savez(here / "flat.npz", a=np.ones(40), V=np.ones((3, 40)), T=np.ones((2, 3)), y=np.ones(2))
    done = run("certify", "flat.npz", "-o", "cert.json")
    assert done.exit_code == 3, done.output
    assert '([operator] rank = "truncate")' in " ".join(done.stdout.split())


def test_numbers_beyond_doubles_are_bad_input(here):
    V = np.outer([1e300, 2e300, 3e300], np.ones(40))
    np.savez(here / "huge.npz", a=np.ones(40), V=V, T=np.eye(3), y=np.ones(3))
    done = run("certify", "huge.npz", "-o", "cert.json")
    assert done.exit_code == 2
    assert "rescale by a power of two" in done.stderr
    assert not (here / "cert.json").exists()


def test_no_check_is_said(here):
    done = run("certify", "wide.toml", "--no-check")
    assert "Not rechecked (--no-check): dipcert recheck cert.json" in done.stdout


def test_costly_problems_are_not_rechecked_unless_asked(here, monkeypatch):
    monkeypatch.setattr("verify.certificate.cost.seconds", lambda certificate: 600.0)
    done = run("certify", "wide.toml")
    assert "Not rechecked (it would take about 10 min): dipcert recheck cert.json" in done.stdout
    assert "Rechecked by" in run("certify", "wide.toml", "--check").stdout


def test_a_rejected_certificate_is_a_defect_and_called_so(here, monkeypatch):
    from verify import recheck

    monkeypatch.setattr(recheck, "check", lambda path: recheck.Report(code=1, reason="sigma_0 is not proved"))
    done = run("certify", "wide.toml")
    assert done.exit_code == 70
    assert "the checker rejected the certificate (sigma_0 is not proved); this is a defect of dipcert" in done.stderr


def test_the_seed_is_the_one_asked_for(here):
    run("certify", "small.toml", "--at", "start", "-o", "a.json", "--seed", "7")
    run("certify", "small.toml", "--at", "start", "-o", "b.json", "--seed", "7")
    run("certify", "small.toml", "--at", "start", "-o", "c.json")
    ids = [json.loads((here / f"{name}.json").read_text())["problem_id"] for name in "abc"]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["wide.toml", "--at", "later"], "--at later: give a time of at least 0, start, or best"),
        (["wide.toml", "--at", "-1"], "--at -1: give a time"),
        (["wide.toml", "--at", "nan"], "--at nan: give a time"),
        (["wide.toml", "--max-time", "0"], "--max-time 0.0: give a positive number of seconds"),
        (["small.toml", "--at", "1e9", "--max-time", "0.01"], "the flow only came to t ="),
        (["none.toml"], "none.toml"),
        (["none.npz"], "none.npz does not exist"),
        (["net.npz", "--seed", "1"], "--seed belongs to a problem file"),
        (["wide.toml", "-o", "cert.txt"], "use one of .json"),
        (["wide.toml", "-o", "wide.toml/cert.json"], "there is no directory"),
        (["net.npz", "-o", "net.json"], "net.npz exists and belongs to no certificate net.json"),
    ],
)
def test_bad_input_is_answered_in_one_line(arguments, words, here):
    before = (here / "net.npz").read_bytes()
    done = run("certify", *arguments)
    assert done.exit_code == 2, done.output
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2  # a note about the noise may come first
    assert (here / "net.npz").read_bytes() == before
    assert not (here / "cert.json").exists()


def test_activations_and_losses_that_cannot_be_certified(here):
    table = (
        SMALL.replace("m = 6", "m = 20") + '[loss]\nkind = "weighted_least_squares"\nweights = [' + "1.0, " * 20 + "]\n"
    )
    (here / "tall.toml").write_text(table)
    done = run("certify", "tall.toml")
    assert done.exit_code == 2
    assert "weighted least squares cannot be certified for more data than unknowns" in done.stderr
    (here / "relu.toml").write_text(WIDE + 'activation = "relu"\n')
    done = run("certify", "relu.toml")
    assert done.exit_code == 2
    assert "the theorems need a smooth activation" in done.stderr


def test_interrupted_means_that_nothing_is_written(here, monkeypatch):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("verify.certificate.making.certify", interrupt)
    done = run("certify", "wide.toml")
    assert done.exit_code == 130
    assert "interrupted; nothing was written" in done.stderr
    assert not (here / "cert.json").exists()


def test_recheck_of_what_is_no_certificate(here):
    assert run("recheck", "none.json").exit_code == 2
    (here / "x.json").write_text("{}")
    assert run("recheck", "x.json").exit_code == 2
    done = run("recheck", "x.json", "--problem", "wide.toml")
    assert done.exit_code == 2
    assert "not readable as a certificate" in done.stderr
    run("certify", "wide.toml")
    assert run("recheck", "cert.json", "--expect", "0" * 64).exit_code == 1
    assert run("recheck", "cert.json", "--seed", "1").exit_code == 2
    assert run("recheck", "cert.json", "--data", "none.npz").exit_code == 2


@pytest.mark.parametrize("name", ["gaussian_wide", "gaussian_narrow", "eeg", "small_width"])
def test_the_examples_are_proved(name, here):
    shutil.copy(ROOT / "examples" / f"{name}.toml", here)
    done = run("certify", f"{name}.toml")
    assert done.exit_code == 0, done.output
    assert ": confirmed." in done.stdout


def test_the_documentation_shows_what_the_command_prints():
    path = ROOT / "docs" / "certificate_costs.py"
    spec = importlib.util.spec_from_file_location("certificate_costs", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main(["--check"]) == 0
