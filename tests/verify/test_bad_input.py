"""Whatever is wrong with the input: one line of cause and remedy, exit code 2, nothing written."""

import json
import os

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import event, given, settings
from hypothesis import strategies as st

from theory.losses import LOSSES
from verify.cli import main
from verify.problem import ProblemError, build, load, parse

GOOD = {
    "title": "good",
    "signal": {"source": "gaussian", "size": 6},
    "operator": {"kind": "gaussian", "m": 4},
    "noise": {"relative": 0.05},
    "network": {"width": 20, "init": {"W_std": 1.0}},
    "stop": {"tau": 1.5},
    "flow": {"t_max": 10.0},
}
MATRIX = [[1.0, 0.0, 2.0], [0.0, 1.0, 1.0]]
MEASURED = {
    "observation": {"values": [1.0, 2.0]},
    "operator": {"kind": "dense", "values": MATRIX},
    "network": {"width": 4},
}
NAN, INF = float("nan"), float("inf")


def edited(base, changes):
    """`base` with dotted keys set, or removed where the value is None."""
    data = json.loads(json.dumps(base))
    for path, value in changes.items():
        *tables, key = path.split(".")
        table = data
        for name in tables:
            table = table.setdefault(name, {})
        if value is None:
            table.pop(key)
        else:
            table[key] = value
    return data


def toml(data, prefix=""):
    """The dictionary as TOML; numbers, texts and lists are written as in JSON, with TOML's nan and inf."""
    plain = {k: v for k, v in data.items() if not isinstance(v, dict)}
    text = "".join(f"{k} = {_value(v)}\n" for k, v in plain.items())
    for key, value in data.items():
        if isinstance(value, dict):
            text += f"[{prefix}{key}]\n" + toml(value, f"{prefix}{key}.")
    return text


def _value(value):
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[" + ", ".join("{" + ", ".join(f"{k} = {_value(v)}" for k, v in e.items()) + "}" for e in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("NaN", "nan").replace("Infinity", "inf")


def refused(path, *arguments):
    """The one line with which the command refuses; it must write nothing."""
    before = sorted(path.parent.rglob("*"))
    done = CliRunner().invoke(main, ["run", str(path), *arguments])
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert done.stderr.startswith("dipcert: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert sorted(path.parent.rglob("*")) == before
    return done.stderr


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_base_cases_are_good():
    for base in (GOOD, MEASURED):
        assert build(parse(base)).y.dtype == np.float64


CASES = [
    # keys and names, with the nearest valid one
    (GOOD, {"network.widht": 3}, ["[network]", "unknown key 'widht'", "did you mean 'width'?"]),
    (GOOD, {"netwrok": {}}, ["unknown key 'netwrok'", "did you mean 'network'?"]),
    (GOOD, {"rank": "full"}, ["unknown key 'rank'"]),
    (GOOD, {"base": "x"}, ["unknown key 'base'"]),
    (GOOD, {"network.init.w_std": 1.0}, ["[network.init]", "'w_std'", "did you mean 'W_std'?"]),
    (GOOD, {"operator.rows": 3}, ["[operator]", "unknown key 'rows'", "m"]),
    (GOOD, {"operator.kind": "gausian"}, ["'gausian' is unknown", "did you mean 'gaussian'?"]),
    (GOOD, {"signal.source": "mrri"}, ["[signal] source", "did you mean 'mri'?"]),
    (GOOD, {"signal.sise": 3}, ["[signal]", "did you mean 'size'?"]),
    (GOOD, {"network.activation": "tahn"}, ["did you mean 'tanh'?"]),
    (GOOD, {"network.train": "all"}, ["[network] train = 'all' is unknown", "use one of W, both"]),
    (GOOD, {"network.init.V": "radmacher"}, ["did you mean 'rademacher'?"]),
    (GOOD, {"loss.kind": "least_square"}, ["did you mean 'least_squares'?"]),
    (GOOD, {"operator.rank": "truncated"}, ["[operator] rank", "did you mean 'truncate'?"]),
    (GOOD, {"operator.kind": 7}, ["[operator] kind = 7 is unknown"]),
    # what is missing
    (GOOD, {"operator": None}, ["no [operator]", "add"]),
    (GOOD, {"network": None}, ["no [network]", "add"]),
    (GOOD, {"network.width": None}, ["[network] has no width", "add width"]),
    (GOOD, {"operator.kind": None}, ["[operator] has no kind"]),
    (GOOD, {"operator.m": None}, ["[operator] has no m"]),
    (GOOD, {"signal.source": None}, ["[signal] has no source"]),
    (GOOD, {"signal": None}, ["no data", "[signal]", "[observation]"]),
    (GOOD, {"observation": {"values": [1.0]}}, ["[signal] and [observation] are both given", "keep"]),
    (GOOD, {"network": 3}, ["network = 3 is not a table", "[network]"]),
    (GOOD, {"operator": [1]}, ["is not a table"]),
    # numbers
    (GOOD, {"network.width": 0}, ["[network] width = 0", "greater than or equal to 1"]),
    (GOOD, {"network.width": -5}, ["width = -5"]),
    (GOOD, {"network.width": 20.5}, ["width = 20.5", "integer"]),
    (GOOD, {"network.width": 20.0}, ["width = 20.0", "integer"]),
    (GOOD, {"network.width": "20"}, ["width = '20'", "integer"]),
    (GOOD, {"network.width": True}, ["width = True", "integer"]),
    (GOOD, {"network.width": 10**30}, ["[network]", "GB"]),
    (GOOD, {"network.width": 21, "network.antisymmetric": True}, ["width = 21 is odd", "width = 22"]),
    (GOOD, {"network.antisymmetric": 1}, ["antisymmetric = 1", "boolean"]),
    (GOOD, {"network.output_scale": 0.0}, ["output_scale = 0.0", "greater than 0"]),
    (GOOD, {"network.output_scale": NAN}, ["output_scale", "finite"]),
    (GOOD, {"network.init.W_std": -1.0}, ["[network.init] W_std = -1.0", "positive"]),
    (GOOD, {"network.init.V_scale": INF}, ["V_scale = inf", "finite"]),
    (GOOD, {"stop.tau": 1.0}, ["[stop] tau = 1.0", "greater than 1"]),
    (GOOD, {"stop.tau": 0.5}, ["[stop] tau = 0.5"]),
    (GOOD, {"flow.t_max": 0.0}, ["[flow] t_max = 0.0", "greater than 0"]),
    (GOOD, {"flow.t_max": -1}, ["[flow] t_max = -1"]),
    (GOOD, {"flow.rtol": 1e-30}, ["[flow] rtol = 1e-30"]),
    (GOOD, {"flow.loss_tol": 1.0}, ["[flow] loss_tol = 1.0"]),
    (GOOD, {"flow.points_per_decade": 0}, ["points_per_decade = 0"]),
    (GOOD, {"flow.max_seconds": 0}, ["max_seconds = 0"]),
    (GOOD, {"seed": -1}, ["seed = -1"]),
    (GOOD, {"seed": 1.5}, ["seed = 1.5", "integer"]),
    (GOOD, {"title": 3}, ["title = 3", "string"]),
    (GOOD, {"signal.size": 0}, ["[signal]", "leaves no entry"]),
    (GOOD, {"signal.size": [2, 3, 4]}, ["[signal] size"]),
    (GOOD, {"signal.size": 10**13}, ["[signal]", "too many"]),
    (GOOD, {"operator.m": 0}, ["[operator]", "m"]),
    # the input u
    (GOOD, {"network.input": [0.0, 0.0]}, ["[network] input = 0", "nonzero"]),
    (GOOD, {"network.input": []}, ["[network] input = 0 (0 entries)"]),
    (GOOD, {"network.input": [1.0, NAN]}, ["[network] input = nan (entry 1)", "finite"]),
    (GOOD, {"network.input": [1.0, "x"]}, ["[network] input = 'x' (entry 1)"]),
    # noise
    (GOOD, {"noise.relative": -0.1}, ["[noise] relative = -0.1"]),
    (GOOD, {"noise.level": 0.1}, ["[noise] needs exactly one of", "relative and level"]),
    (GOOD, {"noise.relative": None}, ["[noise] needs exactly one of", "it has none"]),
    (GOOD, {"noise": {"kind": "poisson", "level": 1.0}}, ["[noise] kind = 'poisson' is unknown", "gaussian"]),
    (GOOD, {"noise": {"values": [1.0] * 5}}, ["5 entries but the data have 4", "(4,)"]),
    (GOOD, {"noise": {"values": [1.0] * 3}}, ["3 entries but the data have 4"]),
    (GOOD, {"noise": {"values": [1.0, INF, 0.0, 0.0]}}, ["[noise] values = inf (entry 1)"]),
    (GOOD, {"noise": {"file": "no.npy"}}, ["[noise]", "no.npy does not exist"]),
    (MEASURED, {"noise": {"relative": 0.1}}, ["[noise] relative draws noise", "norm ="]),
    (MEASURED, {"noise": {"level": 0.1}}, ["[noise] level draws noise", "norm ="]),
    # loss
    *((GOOD, {"loss": {"kind": name}}, [f'"{name}"', f"kl.{name}", "cannot be run yet", "use one of least_squares"])
      for name in sorted(set(LOSSES) - {"least_squares", "weighted_least_squares"})),
    (GOOD, {"loss": {"kind": "p_power", "p": 3.0}}, ["p_power", "cannot be run yet", "least_squares"]),
    (GOOD, {"loss": {"kind": "pseudo_huber", "weights": 2.0}}, ["pseudo_huber", "cannot be run yet"]),
    (GOOD, {"loss": {"kind": 3}}, ["[loss] kind = 3 is unknown", "least_squares"]),
    (GOOD, {"loss": {"kind": "weighted_least_squares"}}, ["needs weights"]),
    (GOOD, {"loss": {"weights": 2.0}}, ["least_squares has no weights", "weighted_least_squares"]),
    (GOOD, {"loss": {"kind": "weighted_least_squares", "weights": [1.0, 2.0]}}, ["2 weights but the data have 4"]),
    (GOOD, {"loss": {"kind": "weighted_least_squares", "weights": [1.0, 0.0, 1.0, 1.0]}}, ["weight 1 is 0.0"]),
    (GOOD, {"loss": {"kind": "weighted_least_squares", "weights": [1.0, 1.0, -3.0, 1.0]}}, ["weight 2 is -3.0"]),
    (GOOD, {"loss": {"kind": "weighted_least_squares", "weights": -1.0}}, ["[loss] weights = -1.0"]),
    (GOOD, {"loss": {"kind": "weighted_least_squares", "weights": [1.0], "file": "w.npy"}}, ["both weights and file"]),
    # operators and shapes
    (MEASURED, {"observation.values": [1.0, 2.0, 3.0]}, ["3 entries (shape (3,))", "gives 2", "(2,)"]),
    (MEASURED, {"observation.values": [1.0, NAN]}, ["[observation]", "nan"]),
    (MEASURED, {"observation.values": [[1.0], [2.0, 3.0]]}, ["[observation]", "unequal length"]),
    (MEASURED, {"observation.values": []}, ["[observation]", "give a non-empty list"]),
    (MEASURED, {"observation.values": ["a", "b"]}, ["[observation]", "give real numbers"]),
    (MEASURED, {"observation.values": None}, ["[observation] needs exactly one of values, file"]),
    (MEASURED, {"observation.file": "y.npy"}, ["[observation] needs exactly one of", "values and file"]),
    (MEASURED, {"observation.signal_shape": [0]}, ["signal_shape = [0]"]),
    (MEASURED, {"observation.signal_shape": [4]}, ["[operator]", "3", "4"]),
    (MEASURED, {"operator.values": [[1.0, 0.0, NAN], [0.0, 1.0, 1.0]]}, ["[operator]", "NaN"]),
    (MEASURED, {"operator.values": [[0.0] * 3] * 2}, ["[operator]", "zero"]),
    (MEASURED, {"operator.values": [[1.0, 0.0], [0.0]]}, ["[operator]"]),
    (MEASURED, {"operator.values": [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]}, ["[operator]", "rank", "truncate"]),
    (GOOD, {"operator": {"kind": "dense", "values": MATRIX}}, ["[operator]", "3", "6"]),
    (GOOD, {"operator": {"kind": "compose", "parts": []}}, ["[operator] parts"]),
    (GOOD, {"operator": {"kind": "compose", "parts": [{"kind": "identiti"}]}}, ["[operator.parts]", "'identity'"]),
    (GOOD, {"operator": {"kind": "compose"}}, ["[operator]", "parts"]),
    (GOOD, {"synthesis": {"kind": "fourier_synthesis", "powr": 1.0}}, ["[synthesis]", "did you mean 'power'?"]),
    # too large
    (GOOD, {"signal.size": 9_000_000, "operator": {"kind": "identity"}}, ["9000000 × 9000000", "GB", "smaller signal"]),
    (GOOD, {"network.width": 10**9}, ["6 × 1000000000", "GB"]),
    (GOOD, {"signal.size": 9_000_000, "operator.m": 9_000_000}, ["[operator]"]),
]  # fmt: skip


@pytest.mark.parametrize(("base", "changes", "words"), CASES, ids=[next(iter(case[1])) for case in CASES])
def test_one_line_of_cause_and_remedy(base, changes, words, here):
    path = here / "problem.toml"
    path.write_text(toml(edited(base, changes)), encoding="utf-8")
    message = refused(path)
    for word in words:
        assert word in message, message
    assert ";" in message, message


def test_no_word_of_the_libraries_shows(here):
    path = here / "problem.toml"
    for base, changes, _ in CASES:
        path.write_text(toml(edited(base, changes)), encoding="utf-8")
        message = refused(path).lower()
        for word in ("pydantic", "validation error", "errno", "numpy.", "dtype(", "object at 0x"):
            assert word not in message, message


# --- the file itself --------------------------------------------------------------------------------------------------


def test_missing_file_with_the_nearest_one(here):
    (here / "blur.toml").write_text("", encoding="utf-8")
    message = refused(here / "blurr.toml")
    assert "does not exist" in message
    assert "did you mean" in message
    assert "blur.toml" in message


def test_missing_directory(here):
    assert "check the path" in refused(here / "no" / "such.toml")


def test_directory(here):
    (here / "d.toml").mkdir()
    assert "is a directory" in refused(here / "d.toml")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read anything")
def test_unreadable(here):
    path = here / "p.toml"
    path.write_text(toml(GOOD), encoding="utf-8")
    path.chmod(0)
    assert "permission" in refused(path)


@pytest.mark.parametrize("code", [5, 13])
def test_any_other_failure_to_read_is_one_line(code, here, monkeypatch):
    from pathlib import Path

    def fails(self):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "read_bytes", fails)
    with pytest.raises(ProblemError, match=r"cannot be read \((input/output error|permission denied)\); check"):
        load(here / "p.toml")


def test_not_utf8(here):
    path = here / "p.toml"
    path.write_bytes(b'title = "x"\n# ' + "é".encode("latin-1"))
    message = refused(path)
    assert "not UTF-8" in message
    assert "line 2" in message
    assert "save it as UTF-8" in message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = \n", "line 1, column 5"),
        ("[network]\nwidth = 3\nwidth = 4\n", "line 3"),
        ("[network\n", "line 1"),
        ("x = 1 2\n", "line 1, column 7"),
        ("\x00", "line 1"),
        ("a = " + "[" * 5000, ""),
    ],
)
def test_malformed_toml_names_the_place(text, place, here):
    path = here / "p.toml"
    path.write_text(text, encoding="utf-8")
    message = refused(path)
    assert "not valid TOML" in message
    assert place in message


def test_dates_are_not_numbers(here):
    path = here / "p.toml"
    path.write_text(toml(GOOD).replace("width = 20", "width = 2024-01-01"), encoding="utf-8")
    assert "date" in refused(path)


def test_empty_file(here):
    path = here / "p.toml"
    path.write_text("", encoding="utf-8")
    assert "no [network]" in refused(path)


def test_name_that_no_file_can_have():
    with pytest.raises(ProblemError, match=r"not a file name|does not exist"):
        load("a\x00b.toml")


def test_byte_order_mark_and_windows_line_ends_are_fine(here):
    path = here / "p.toml"
    path.write_bytes(b"\xef\xbb\xbf" + toml(GOOD).replace("\n", "\r\n").encode())
    assert load(path).network.width == 20


# --- data files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signal": {"source": "file", "file": "x.npy"}}, ["[signal]", "x.npy does not exist"]),
        ({"signal": {"source": "file", "file": "."}}, ["[signal]"]),
        ({"operator": {"kind": "dense", "file": "A.npy"}}, ["[operator]", "A.npy"]),
        ({"operator": {"kind": "sparse", "file": "A.npz"}}, ["[operator]", "A.npz"]),
        ({"loss": {"kind": "weighted_least_squares", "file": "w.csv"}}, ["[loss]", "w.csv does not exist"]),
    ],
)
def test_missing_data_files(changes, words, here):
    path = here / "p.toml"
    path.write_text(toml(edited(GOOD, changes)), encoding="utf-8")
    message = refused(path)
    for word in words:
        assert word in message, message


def test_a_signal_file_with_nan(here):
    np.save(here / "x.npy", np.array([[1.0, np.nan], [1.0, 2.0]]))
    path = here / "p.toml"
    path.write_text(toml(edited(GOOD, {"signal": {"source": "file", "file": "x.npy"}})), encoding="utf-8")
    assert "entry 0, 1 is nan" in refused(path)


def test_a_matrix_file_of_the_wrong_shape_names_both(here):
    np.save(here / "A.npy", np.ones((2, 7)))
    path = here / "p.toml"
    path.write_text(toml(edited(GOOD, {"operator": {"kind": "dense", "file": "A.npy"}})), encoding="utf-8")
    message = refused(path)
    assert "7" in message
    assert "6" in message


# --- anything at all --------------------------------------------------------------------------------------------------

VALUES = st.one_of(
    st.none().map(lambda _: {}),
    st.booleans(),
    st.integers(-3, 40),
    st.floats(allow_nan=True, allow_infinity=True, width=32),
    st.text(max_size=5),
    st.lists(st.one_of(st.integers(-2, 2), st.floats(-1, 1), st.text(max_size=2)), max_size=4),
)
KEYS = [
    "title", "seed", "signal", "signal.source", "signal.size", "signal.scale", "operator", "operator.kind",
    "operator.m", "operator.scale", "noise", "noise.relative", "noise.values", "noise.norm", "network",
    "network.width", "network.train", "network.activation", "network.input", "network.init", "network.init.V",
    "network.init.W_std", "loss", "loss.weights", "stop", "stop.tau", "flow", "flow.t_max", "flow.rtol",
    "synthesis", "synthesis.power", "observation", "anything",
]  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(changes=st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=3))
def test_whatever_is_given_builds_or_is_refused_in_one_line(changes):
    data = json.loads(json.dumps(GOOD))
    for path, value in sorted(changes.items()):
        *tables, key = path.split(".")
        table = data
        for name in tables:
            if not isinstance(table.get(name), dict):
                table[name] = {}
            table = table[name]
        table[key] = value
    try:
        problem = build(parse(data))
    except ProblemError as error:
        message = str(error)
        event("refused")
    else:
        message = "; ".join(problem.notes) or "fine"
        event("built")
        assert np.isfinite(problem.y).all()
    assert message
    assert "\n" not in message
