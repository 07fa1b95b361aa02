"""The command ``dipcert width``, and instances beside the a-priori widths."""

from __future__ import annotations

import csv
import json

import pytest
import sympy as sp
from click.testing import CliRunner

from numerics.width import Setting, assess, smallest_width
from verify.cli import main
from verify.instance_widths import draw, drawn_widths, threshold_width


def width(*arguments):
    return CliRunner().invoke(main, ["width", *map(str, arguments)])


def test_the_table_and_its_arithmetic():
    done = width("-n", 10, "-m", 5, "--explain")
    assert done.exit_code == 0
    for text in ("baseline_coarse", "4889312", "sharp_linear", "wonly: the first layer alone has to be trained"):
        assert text in done.output
    lines = done.output.splitlines()
    (h,) = (line for line in lines if line.strip().startswith("h ≤ 0.499955"))
    assert "Λ·ρ₀/(σ₀²·σ_F)" in h
    assert "[sharp.condition, h]" in h
    assert any("with B1 = 1" in line and "c_V = 3.16228" in line for line in lines)


def test_the_arithmetic_adds_up():
    """Every step that names a formula gives its value again from the printed inputs, by SymPy instead of the compiler."""
    from theory import registry, sym

    count = 0
    for name in ("baseline", "sharp_linear", "amgm", "balanced_linear"):
        answer = smallest_width(Setting(10, 5), 0.1, name)
        for step in answer.steps:
            if not step.name:
                continue
            expression = registry[step.statement].formulas[step.name].replace(sp.erfcinv, lambda p: sp.erfinv(1 - p))
            value = expression.subs({sym(key): sp.Rational(number) for key, number in step.inputs.items()}).evalf(40)
            assert step.value == pytest.approx(float(value), rel=1e-13)
            assert (sp.Rational(step.value) >= value) if step.side == "upper" else (sp.Rational(step.value) <= value)
            count += 1
    assert count > 20


def test_json_is_the_table_as_data():
    done = width("-n", 10, "-m", 5, "--criterion", "amgm", "--json")
    data = json.loads(done.output)
    assert data["delta"] == 0.1
    assert data["setting"]["activation"] == "tanh"
    (entry,) = data["widths"]
    assert entry["value"] == smallest_width(Setting(10, 5), 0.1, "amgm").value
    assert {"symbol", "value", "side", "statement", "name", "inputs"} <= set(entry["steps"][0])


def test_a_width_that_is_given():
    done = width("-n", 10, "-m", 5, "-k", 500, "--noise", 0.5)
    assert done.exit_code == 0
    assert "t_stop" in done.output
    data = json.loads(width("-n", 10, "-m", 5, "-k", 500, "--noise", 0.5, "--json").output)
    by_name = {entry["criterion"]: entry for entry in data["widths"]}
    assert by_name["amgm"]["success_probability"] > 0.99
    assert by_name["sharp"]["assessment"]["certified"] is False
    assert by_name["amgm"]["t_stop"] > by_name["amgm_dual"]["t_stop"] > 0
    nothing = width("-n", 10, "-m", 5, "-k", 3, "--criterion", "sharp")
    assert nothing.exit_code == 3


@pytest.mark.parametrize("what", ["probability", "noise", "residual", "sigma_F"])
def test_inverse_design(what):
    done = width("-n", 10, "-m", 5, "-k", 500, "--solve", what, "--json")
    assert done.exit_code == 0
    answers = {a["criterion"]: a for a in json.loads(done.output)["answers"]}
    assert answers["amgm"]["value"] > 0
    assert answers["wonly"]["value"] is None
    assert answers["wonly"]["why"]
    if what != "residual":
        assert answers["sharp"]["value"] is None
    else:
        assert answers["amgm_dual"]["value"] > answers["sharp"]["value"] > 0


def test_the_smallest_output_scale():
    done = width("-n", 10, "-m", 5, "-k", 40, "--antisymmetric", "--solve", "scale", "--criterion", "amgm", "--json")
    scale = json.loads(done.output)["answers"][0]["value"]
    again = assess(Setting(10, 5, antisymmetric=True, scale=scale), 40, 0.1, "amgm")[0]
    assert again.certified


def test_growth_with_its_table_and_figure(tmp_path):
    figure = tmp_path / "growth.svg"
    done = width(
        "-n", 20, "-m", 5, "--vary", "n=20,40,80", "--criterion", "amgm", "--criterion", "sharp", "--plot", figure
    )
    assert done.exit_code == 0
    assert "exponent" in done.output
    assert figure.read_text(encoding="utf-8").startswith("<?xml")
    rows = list(csv.reader((tmp_path / "growth.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["n", "sharp", "amgm"] or rows[0] == ["n", "amgm", "sharp"]
    assert [row[0] for row in rows[1:]] == ["20.0", "40.0", "80.0"]
    column = rows[0].index("amgm")
    assert {row[column] for row in rows[1:]} == {repr(smallest_width(Setting(20, 5), 0.1, "amgm").value)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-n", 10), "Missing option '-m'"),
        (("-n", 10, "-m", 5, "--delta", 1), "strictly between 0 and 1"),
        (("-n", 10, "-m", 5, "--delta", "nan"), "not a finite number"),
        (("-n", 10, "-m", 5, "--delta", "1e-400"), "strictly between 0 and 1"),
        (("-n", 0, "-m", 5), "n counts something"),
        (("-n", 10, "-m", 5, "-k", 0), "k, the width"),
        (("-n", 10, "-m", 5, "-k", "2.5"), "not a valid integer"),
        (("-n", 10, "-m", 5, "--sigma-F", 0), "sigma_F has to be a finite number > 0"),
        (("-n", 10, "-m", 5, "--sigma-F", "1e400"), "not a finite number"),
        (("-n", 10, "-m", 5, "--kappa", 0.5), "at least 1"),
        (("-n", 10, "-m", 5, "--kappa", 2, "--sigma-F", 0.5), "give one"),
        (("-n", 10, "-m", 5, "--activation", "tanhh"), "did you mean 'tanh'"),
        (("-n", 10, "-m", 5, "--V", "cauchy"), "unknown distribution"),
        (("-n", 10, "-m", 5, "--criterion", "sharpp"), "did you mean"),
        (("-n", 10, "-m", 5, "--solve", "noise"), "say which with -k"),
        (("-n", 10, "-m", 5, "-k", 40, "--solve", "scale"), "antisymmetric"),
        (("-n", 10, "-m", 5, "--vary", "n"), "cannot be read"),
        (("-n", 10, "-m", 5, "--vary", "n=5:2:3"), "cannot be read"),
        (("-n", 10, "-m", 5, "--vary", "width=5:20:3"), "cannot be varied"),
        (("-n", 10, "-m", 5, "-k", 4, "--vary", "n=5:20:3"), "leave out -k"),
        (("-n", 10, "-m", 5, "--csv", "x.csv"), "add --vary"),
        (
            ("-n", 10, "-m", 5, "--vary", "n=10,20", "--criterion", "amgm", "--plot", "x.doc"),
            "use one of .svg, .png, .pdf",
        ),
        (
            ("-n", 10, "-m", 5, "--vary", "n=10,20", "--criterion", "amgm", "--csv", "/nowhere/x.csv"),
            "there is no directory",
        ),
        (("-n", 10, "-m", 5, "--nonlinear", "--instances", 3), "linear operators only"),
        (("-n", 20, "-m", 5, "--nonlinear", "--sigma-F", 100), "cannot exceed the Lipschitz constant"),
        (("-n", 20, "-m", 5, "--nonlinear", "--rank", 3), "describe a linear operator"),
        (("-n", 10, "-m", 5, "--instances", 3, "--residual", 1), "leave out --residual"),
        (("-n", 10, "-m", 5, "--vary", "kappa=1,2", "--sigma-F", 0.5), "leave out --sigma-F"),
        (("-n", 10**30, "-m", 5), "beyond 1e+15"),
        (("-n", 10, "-m", 5, "-k", 10**40), "beyond 1e+15"),
        (("-n", 10, "-m", 5, "--y-norm", "1e200"), "beyond 1e150"),
        (("-n", 10, "-m", 5, "--loss", "nope"), "unknown loss"),
        (("-n", 10, "-m", 5, "--loss-param", "p"), "should look like p=3"),
        (("-n", 10, "-m", 5, "--loss-param", "p=3"), "no parameter"),
        (("-n", 10, "-m", 5, "--vary", "n=10,20", "--csv", "/dev/null"), "no ordinary file"),
        (("-n", 10, "-m", 5, "--vary", "n=10,20", "--plot", "a.png", "--csv", "a.png"), "give two names"),
    ],
)
def test_bad_input_is_one_line_about_it(arguments, message):
    done = width(*arguments)
    assert done.exit_code == 2
    assert message in done.output
    assert "Traceback" not in done.output


def test_instances_are_drawn_as_described_and_certified_earlier_than_a_priori():
    setting = Setting(10, 5, sigma_F=0.25)
    instance = draw(setting, 50, 3)
    constants = instance.constants
    assert constants["sigma_F"].as_lower() == pytest.approx(0.25)
    assert constants["A_norm"].as_upper() == pytest.approx(1)
    assert constants["y_norm"].as_upper() == pytest.approx(5**0.5)
    found = drawn_widths(Setting(10, 5), "amgm_dual", 5, 0)
    assert list(found.widths) == sorted(found.widths)
    assert found.median == found.widths[2]
    assert found.median < smallest_width(Setting(10, 5), 0.1, "amgm_dual").value
    assert threshold_width(Setting(10, 5), "amgm_dual", 2) in found.widths


def test_both_layers_converge_at_width_one_and_the_first_alone_needs_the_threshold():
    """`dip2.no_threshold` against `wonly.threshold`: the flow itself, and the linear program."""
    assert drawn_widths(Setting(6, 3), "flow", 3, 0).widths == (1, 1, 1)
    alone = drawn_widths(Setting(6, 3, train="W"), "wonly", 5, 0)
    assert min(alone.widths) >= 3  # k >= m is necessary
    with pytest.raises(ValueError, match="never ends"):
        drawn_widths(Setting(6, 3, train="W"), "flow", 1, 0)


def test_nothing_within_reach_is_said():
    found = drawn_widths(Setting(10, 5), "baseline", 1, 0, most=64)
    assert found.widths == (None,)
    assert found.median is None
