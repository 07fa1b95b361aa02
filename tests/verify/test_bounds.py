"""`dipcert bounds`: numbers, verdicts, sweeps, figures, and every way to ask wrongly."""

from __future__ import annotations

import csv
import json
import math
import shlex
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.mathtext import MathTextParser

from theory import registry
from theory.symbols import SYMBOLS
from verify.bounds import Query, Sweep, ask, crossings, example, find, parse_pairs, parse_sweep
from verify.bounds_figure import draw
from verify.cli import main
from verify.commands.guard import InputError

RATE = "sharp.rate --set sigma_F=0.5 --set sigma_0=0.9 --set rho_0=1"
H = 0.1 / (0.5 * 0.81)


def bounds(line: str, *more: str):
    return CliRunner().invoke(main, ["bounds", *shlex.split(line), *more])


def answer(line: str, *more: str):
    done = bounds(line, "--json", *more)
    return done, json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def values(data):
    return {entry["name"]: entry["value"] for entry in data["formulas"]}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


# --- answers ----------------------------------------------------------------------------------------------------------


def test_a_statement_in_force():
    done = bounds(f"{RATE} --set Lambda=0.1 --set t=3")
    assert done.exit_code == 0
    assert done.stderr == ""
    for text in (
        "0.27032",
        "bound of the loss L_y(y(t))",
        "upper bound",
        "sharp.condition",
        "0.2531",
        "h = 0.246914 is below",
    ):
        assert text in done.stdout
    assert "rho_0 by the inverse of psi of the loss least_squares" in done.stdout
    assert "loss: least squares (unless --loss says otherwise)" in done.stdout
    _, data = answer(f"{RATE} --set Lambda=0.1 --set t=3")
    assert values(data)["bound"] == pytest.approx(0.5 * math.exp(-6 * 0.2025 * (1 - 2 * H)), rel=1e-13)
    assert data["verdict"] == "holds"


def test_beyond_the_condition_there_is_no_number_and_exit_code_3():
    done = bounds(f"{RATE} --set Lambda=0.5 --set t=3")
    assert done.exit_code == 3
    assert "h = 1.23457 is not below 1/2 = 0.5: exceeds it by 0.734568" in done.stdout
    assert "0.27" not in done.stdout
    done, data = answer(f"{RATE} --set Lambda=0.5 --set t=3")
    assert done.exit_code == 3
    assert set(values(data).values()) == {None}
    condition = next(c for c in data["conditions"] if c["id"] == "sharp.condition")
    assert condition["slack"] == pytest.approx(0.5 - 5 * H)
    assert bounds("sharp.condition --set h=0.5").exit_code == 3
    assert bounds("sharp.condition --set h=0.4999").exit_code == 0


def test_the_other_backends():
    line = "sharp.rate --set sigma_F=1/2 --set sigma_0=0.9 --set Lambda=0.1 --set rho_0=1 --set t=1e6 --formula bound"
    done = bounds(line)
    assert done.exit_code == 3
    assert "underflows float64" in done.stdout
    assert "use the backend mpmath" in done.stdout
    _, data = answer(line, "--backend", "mpmath", "--digits", "20")
    assert values(data) == {"bound": "2.1388475850413301568e-89031"}
    done, data = answer(line, "--backend", "arb", "--digits", "20")
    assert done.exit_code == 0
    assert values(data)["bound"]["ball"].startswith("[2.13884758504133015")
    assert values(data)["bound"]["lower"] == 0.0
    assert values(data)["bound"]["upper"] == 5e-324


def test_options_give_constants():
    done, data = answer("dip2.sigma0 --activation tanh --set k=100000 --set n=3 --set D_V=1 --set delta=0.1")
    assert done.exit_code == 0
    assert data["derived"]["C_phi"]["source"].startswith("activation tanh")
    line = "baseline.loss_rate --set sigma_F=1 --set sigma_0=2 --set Lip=0.1 --set loss_0=4.5 --set t=0 --formula rate"
    _, plain = answer(line)
    _, heavy = answer(line, "--loss", "weighted_least_squares", "--loss-param", "w_min=4")
    assert values(heavy)["rate"] == 4 * values(plain)["rate"]


def test_conditions_that_could_not_be_checked_are_told_on_stderr():
    done = bounds("sharp.tail --set sigma_F=1 --set sigma_0=1 --set rho=0.1 --set Lambda=0.1 --set rho_0=0.1")
    assert (done.exit_code, done.stderr) == (0, "")
    done = bounds("baseline.mse_rate --set sigma_F=1 --set sigma_0=1 --set rho_0=1 --set t=1")
    assert done.exit_code == 0
    assert "1 condition was not checked: give Lip" in done.stderr
    assert "not checked" in done.stdout


def test_one_formula_and_what_still_waits():
    done, data = answer(f"{RATE} --set Lambda=0.1 --formula a")
    assert list(values(data)) == ["a"]
    done = bounds(f"{RATE} --set Lambda=0.1")
    assert done.exit_code == 0
    assert "needs t" in done.stdout
    assert "t: time of the gradient flow" in done.stdout


@pytest.mark.parametrize("key", [key for key, item in registry.items() if item.formulas])
def test_the_example_line_of_every_statement_works(key):
    """The line to paste gives every formula a value, in force, and everything checked."""
    line = example(Query(registry[key], {}))
    assert line.startswith(f"dipcert bounds {key}")
    done, data = answer(line.removeprefix("dipcert bounds "))
    assert done.exit_code == 0, done.output
    assert {entry["status"] for entry in data["formulas"]} == {"value"}
    assert done.stderr == ""


# --- sweeps -----------------------------------------------------------------------------------------------------------


def test_a_sweep_says_where_the_condition_starts(here):
    done, data = answer(f"{RATE} --set t=3 --sweep Lambda=0.01:0.5:lin50 --csv out.csv")
    assert done.exit_code == 0
    (crossing,) = data["crossings"]
    assert crossing["inside"] == pytest.approx(0.2025, rel=1e-12)
    assert crossing["inside"] < crossing["outside"] == pytest.approx(0.2025, rel=1e-12)
    rows = list(csv.DictReader((here / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 50
    for row in rows:
        assert (row["bound"] == "") == (float(row["Lambda"]) > 0.2025)
        assert (float(row["slack of sharp.condition: h < 1/2"]) < 0) == (row["bound"] == "")
    assert values(data)["bound"][-1] is None


def test_a_sweep_of_widths_ends_at_whole_numbers():
    line = "dip2.amgm --set sigma_F=0.5 --set rho_0=1 --set f_0=0.6 --activation tanh --set eps=0.1 --set t=1"
    done = bounds(line, "--sweep", "k=1:1e4:log50")
    assert "dip2.amgm: rho_0 < capacity holds from k = 31 (not at 30)" in done.stdout
    assert 0.36 * math.sqrt(30) * 0.5 < 1 < 0.36 * math.sqrt(31) * 0.5
    assert "..." in done.stdout  # long: first and last rows
    assert done.exit_code == 0
    assert bounds(line, "--sweep", "k=1:20:lin5").exit_code == 3  # nowhere in force


def test_crossings_are_found_whatever_the_grid():
    query = Query(
        find("sharp.condition"), {"sigma_F": "0.5", "sigma_0": "0.9", "rho_0": "1"},
        {}, None, Sweep("Lambda", np.array([1e-9, 0.2, 0.3, 1e9]), True),
    )  # fmt: skip
    (crossing,) = crossings(query, ask(query))
    assert crossing.inside == pytest.approx(0.2025, rel=1e-12)
    assert str(crossing) == "sharp.condition: h < 1/2 holds up to Lambda = about 0.2025"


def test_sweeps_are_read():
    assert parse_sweep("k=10,20,50").values.tolist() == [10, 20, 50]
    assert parse_sweep("t=0:1:lin3").values.tolist() == [0, 0.5, 1]
    assert not parse_sweep("t=0:1:lin3").log
    whole = parse_sweep("k=1:100:log30")
    assert whole.log
    assert (whole.values == np.unique(np.round(whole.values))).all()
    assert parse_pairs(["a=1", "b = 2"], "--set") == {"a": "1", "b": "2"}


# --- figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["svg", "png", "pdf", "PNG"])
def test_a_figure_with_its_numbers(kind, here):
    line = f"{RATE} --set t=3 --sweep Lambda=0.01:0.5:log30 --plot rate.{kind}"
    done = bounds(line)
    assert done.exit_code == 0
    assert f"Written: rate.{kind}" in done.stderr
    start = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[kind.lower()]
    assert (here / f"rate.{kind}").read_bytes().startswith(start)
    assert (here / "rate.csv").read_text(encoding="utf-8").startswith("Lambda,a,bound,rate,")
    assert not [path for path in here.iterdir() if path.name.startswith(".")]
    assert bounds(line).exit_code == 0  # replaced


def test_a_figure_draws_what_is_claimed_and_shades_the_rest():
    query = Query(find("sharp.rate"), {"sigma_F": "0.5", "sigma_0": "0.9", "rho_0": "1", "t": "3"}, {}, None,
                  parse_sweep("Lambda=0.01:0.5:log60"))  # fmt: skip
    result = ask(query)
    found = crossings(query, result)
    figure = draw(query, result, found)
    (ax,) = figure.axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert len(ax.lines) == 3
    assert len({(line.get_color(), str(line.get_linestyle())) for line in ax.lines}) == 3
    for line in ax.lines:
        x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        assert np.isfinite(y).tolist() == (x < 0.2025).tolist()
    (span,) = ax.patches
    assert span.get_x() == pytest.approx(0.2025)
    assert span.get_x() + span.get_width() == pytest.approx(0.5)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[-1] == "a hypothesis is not met"
    assert r"$\Lambda$: slope" in ax.get_xlabel()


def test_the_latex_of_every_symbol_can_be_drawn():
    parser = MathTextParser("agg")
    for info in SYMBOLS.values():
        parser.parse(f"${info.latex}$")


def test_a_figure_without_any_claim_is_all_grey():
    query = Query(find("sharp.rate"), {"sigma_F": "0.5", "sigma_0": "0.9", "rho_0": "1", "t": "3"}, {}, None,
                  parse_sweep("Lambda=0.4,0.5"))  # fmt: skip
    result = ask(query)
    (ax,) = draw(query, result, crossings(query, result)).axes
    assert not ax.lines
    assert ax.patches


# --- questions that cannot be answered --------------------------------------------------------------------------------


def test_a_missing_symbol_is_answered_with_what_is_needed():
    done = bounds("sharp.rate --set sigma_F=0.5")
    assert done.exit_code == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0] == "dipcert: sharp.rate: a, bound, rate needs"
    assert any(
        "Lambda" in line and "slope of a linear centre modulus" in line and "a number > 0" in line for line in lines
    )
    assert any("rho_0" in line and "or give loss_0" in line for line in lines)
    assert not any(line.startswith("  loss_0") for line in lines)
    pasted = lines[-1].strip().removeprefix("dipcert bounds ")
    assert "--set sigma_F=0.5" in pasted  # what was given is kept
    assert bounds(pasted).exit_code == 0
    one = bounds("sharp.rate --formula bound --set sigma_F=0.5 --set sigma_0=0.9 --set Lambda=0.1 --set rho_0=1")
    assert one.exit_code == 2
    assert "bound needs\n  t  time of the gradient flow" in one.stderr
    activation = bounds("dip2.sigma0 --set n=3")
    assert "an activation gives it" in activation.stderr
    assert "--activation tanh" in activation.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sharp.rat --set t=1", "no item 'sharp.rat' in the registry; nearest: sharp.rate"),
        ("A.activation", "A.activation has no formula to evaluate; its text: dipcert show A.activation"),
        ("trusted.weyl", "dipcert show trusted.weyl"),
        ("A.init", "A.init: the condition needs"),
        (f"{RATE} --set Lamda=1", "does not depend on Lamda; did you mean Lambda"),
        (f"{RATE} --set mu=1", "does not depend on mu (restricted injectivity"),
        (f"{RATE} --formula bund", "has no formula 'bund'; did you mean bound"),
        ("sharp.rate --set sigma_F=0", "sigma_F = 0 has to be > 0"),
        ("sharp.rate --set sigma_F=nan", "sigma_F = nan is not a number"),
        ("sharp.rate --set sigma_F=1e400", "sigma_F = 1e400 overflows"),
        ("sharp.rate --set sigma_F", "'sigma_F' is not of the form NAME=VALUE"),
        ("sharp.rate --set =1", "is not of the form NAME=VALUE"),
        ("sharp.rate --set sigma_F=", "is not of the form NAME=VALUE"),
        ("sharp.rate --set sigma_F=half", "'half' is not a number"),
        ("sharp.rate --set sigma_F=1,2", "for several values use --sweep sigma_F=1,2"),
        ("sharp.rate --set t=1 --set t=2", "gives t twice"),
        ("dip2.sigma0 --set delta=1.5", "delta = 1.5 has to be in (0, 1)"),
        ("dip2.sigma0 --set k=10.5", "k = 10.5 has to be a whole number >= 1"),
        (f"{RATE} --loss hubert", "unknown loss 'hubert'"),
        (f"{RATE} --loss-param p=3", "has no parameter 'p'"),
        (f"{RATE} --activation tanh", "depends on no activation"),
        ("dip2.sigma0 --activation tan", "unknown activation 'tan'; did you mean tanh"),
        (f"{RATE} --set t=1 --sweep t=0:1:lin5", "both set and swept"),
        (f"{RATE} --sweep t=0:1:lin5 --sweep Lambda=0:1:lin5", "only one symbol can be swept"),
        (f"{RATE} --sweep t=0:1:lin5 --backend arb", "a sweep is computed in float64"),
        (f"{RATE} --sweep t", "it is no sweep"),
        (f"{RATE} --sweep tt=1,2", "there is no symbol 'tt'"),
        (f"{RATE} --sweep t=0:1", "cannot be read; write NAME=LOW:HIGH:log50"),
        (f"{RATE} --sweep t=0:1:cub5", "cannot be read"),
        (f"{RATE} --sweep t=0:1:linx", "cannot be read"),
        (f"{RATE} --sweep t=0:inf:lin5", "cannot be read"),
        (f"{RATE} --sweep t=1,b", "cannot be read"),
        (f"{RATE} --sweep t=0:1:log5", "starts above 0"),
        (f"{RATE} --sweep t=1:0:lin5", "lower end has to be below"),
        (f"{RATE} --sweep t=0:1:lin1", "has 1 points"),
        (f"{RATE} --sweep t=0:1:lin10000000", "from 2 to 100000"),
        (f"{RATE} --set Lambda=0.1 --sweep t=-1:1:lin5", "t = -1.0 has to be >= 0"),
        (f"{RATE} --set Lambda=0.1 --set t=1 --plot a.svg", "--plot draws a sweep; add one"),
        (f"{RATE} --set Lambda=0.1 --sweep t=0:1:lin5 --plot a.gif", "unknown kind of file '.gif'"),
        (f"{RATE} --set Lambda=0.1 --sweep t=0:1:lin5 --plot a", "unknown kind of file ''"),
        (f"{RATE} --set Lambda=0.1 --sweep t=0:1:lin5 --plot none/a.svg", "there is no directory none"),
        (f"{RATE} --set Lambda=0.1 --sweep t=0:1:lin5 --csv .", "is a directory"),
    ],
)
def test_bad_questions_are_one_line_and_exit_code_2(line, message, here):
    done = bounds(line)
    assert done.exit_code == 2, done.output
    assert message in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1 or "for example" in done.stderr
    assert list(here.iterdir()) == []


def test_click_refuses_unknown_backends_and_digits():
    assert bounds(f"{RATE} --backend float32").exit_code == 2
    assert bounds(f"{RATE} --digits 0").exit_code == 2
    assert bounds("").exit_code == 2
    assert bounds("--help").exit_code == 0


def test_a_failed_write_leaves_the_earlier_file(here, monkeypatch):
    (here / "a.csv").write_text("mine", encoding="utf-8")

    def full(self, *args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    done = bounds(f"{RATE} --set Lambda=0.1 --sweep t=0:1:lin5 --csv a.csv")
    assert done.exit_code == 2
    assert "a.csv could not be written (no space left on device)" in done.stderr
    assert (here / "a.csv").read_text(encoding="utf-8") == "mine"
    assert [path.name for path in here.iterdir()] == ["a.csv"]


def test_pairs_raise_input_errors():
    with pytest.raises(InputError):
        parse_pairs(["x"], "--set")


def test_the_command_is_listed_and_its_module_is_light():
    code = "import sys, verify.commands.bounds; print([m for m in ('numpy', 'sympy', 'matplotlib', 'rich') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "bounds" in CliRunner().invoke(main, ["--help"]).output
