"""The command line: what goes where, exit codes, and directories that appear complete or not at all.

The run and the report are stubs here: what they compute and print is tested where they live.
"""

import json
import os
import subprocess
import sys
import types
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from verify.cli import main
from verify.output import MANIFEST, Destination, strict_json
from verify.problem import ProblemError
from verify.terminal import make_printable

PROBLEM = """
title = "small"
[signal]
source = "gaussian"
size = 5
[operator]
kind = "identity"
[network]
width = 12
[noise]
relative = 0.1
"""


@dataclass
class Result:
    problem: object
    exit_code: int = 0
    status: str = "loss_stop"

    def to_json(self):
        return {"dipcert": "0", "status": self.status, "bound": float("inf"), "values": np.arange(2)}


@pytest.fixture
def stub(monkeypatch):
    """Replaces verify.run and verify.report; its attributes say what they do and record what they saw."""
    state = types.SimpleNamespace(
        exit_code=0,
        status="loss_stop",
        seen=[],
        progress="not called",
        run_error=None,
        write_error=None,
        text="σ ≤ ‖x̄‖",
    )

    def run(problem, *, progress=None):
        state.seen.append(problem)
        state.progress = progress
        if state.run_error is not None:
            raise state.run_error
        return Result(problem, state.exit_code, state.status)

    def write(result, directory):
        (directory / "result.json").write_text(json.dumps(strict_json(result.to_json())), encoding="utf-8")
        (directory / "figures").mkdir()
        (directory / "figures" / "loss.svg").write_text("<svg/>", encoding="utf-8")
        if state.write_error is not None:
            raise state.write_error

    def print_report(result, console):
        console.print(state.text)

    run_module, report_module = types.ModuleType("verify.run"), types.ModuleType("verify.report")
    run_module.run = run
    report_module.write = write
    report_module.print_report = print_report
    monkeypatch.setitem(sys.modules, "verify.run", run_module)
    monkeypatch.setitem(sys.modules, "verify.report", report_module)
    return state


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(PROBLEM, encoding="utf-8")
    return tmp_path


def dipcert(*arguments, charset="utf-8"):
    return CliRunner(charset=charset).invoke(main, list(arguments))


def names(directory: Path):
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


def test_help_and_version_are_quick_and_import_nothing_heavy():
    heavy = ("numpy", "scipy", "sympy", "matplotlib", "rich")
    code = f"import sys, verify.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert "run" in dipcert("--help").output
    assert dipcert("--version").output.startswith("dipcert ")
    assert dipcert("run", "--help").exit_code == 0


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_verdict_is_the_exit_code(code, here, stub):
    stub.exit_code = code
    done = dipcert("run", "small.toml")
    assert done.exit_code == code
    assert "σ ≤ ‖x̄‖" in done.stdout
    assert names(here / "results" / "small") == [MANIFEST, "figures/loss.svg", "result.json"]
    assert not [p for p in (here / "results").iterdir() if p.name.startswith(".")]


def test_json_is_alone_on_stdout_and_strict(here, stub):
    done = dipcert("run", "small.toml", "--json")
    value = json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert value == {"dipcert": "0", "status": "loss_stop", "bound": "inf", "values": [0, 1]}
    assert "Results: results" in done.stderr


def test_notes_go_to_stderr(here, stub):
    text = PROBLEM.replace('kind = "identity"', 'kind = "gaussian"\nm = 9')
    (here / "tall.toml").write_text(text, encoding="utf-8")
    done = dipcert("run", "tall.toml", "--json")
    assert done.exit_code == 0
    assert "note: The data were projected" in done.stderr
    assert "note" not in done.stdout


def test_seed_replaces_that_of_the_file(here, stub):
    assert dipcert("run", "small.toml").exit_code == 0
    assert dipcert("run", "small.toml", "--seed", "0").exit_code == 0
    assert dipcert("run", "small.toml", "--seed", "7").exit_code == 0
    default, same, other = stub.seen
    assert (default.seed, same.seed, other.seed) == (0, 0, 7)
    assert np.array_equal(default.y, same.y)
    assert not np.array_equal(default.y, other.y)
    assert other.spec.resolved()["seed"] == 7


def test_no_progress_without_a_terminal(here, stub):
    dipcert("run", "small.toml")
    assert stub.progress is None


def test_progress_on_a_terminal_leaves_stdout_alone(here, stub, capsys, monkeypatch):
    from verify.commands.run import execute

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    seen = []

    def run(problem, *, progress=None):
        progress.stage("constants")
        for loss in (1.0, 1e-3, 1e-9, 0.0):
            progress(2.0, loss, 1e-9)
        progress(3.0, 1.0, 0.0)
        seen.append(progress)
        return Result(problem)

    sys.modules["verify.run"].run = run
    assert execute(here / "small.toml", None, json_=True, seed=None) == 0
    assert seen
    assert json.loads(capsys.readouterr().out)["status"] == "loss_stop"


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "run",
        "run a.toml b.toml",
        "run small.toml --sed 1",
        "run small.toml --seed x",
        "run small.toml --seed -1",
        "rum",
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, here, stub):
    done = dipcert(*arguments.split())
    assert done.exit_code == 2
    assert not stub.seen
    assert "Traceback" not in done.output


# --- failures ---------------------------------------------------------------------------------------------------------


def test_interrupted_run_keeps_its_results(here, stub):
    stub.status, stub.exit_code = "interrupted", 3
    done = dipcert("run", "small.toml")
    assert done.exit_code == 130
    assert json.loads((here / "results/small/result.json").read_text(encoding="utf-8"))["status"] == "interrupted"


def test_interrupt_before_results_writes_nothing(here, stub):
    stub.run_error = KeyboardInterrupt()
    done = dipcert("run", "small.toml")
    assert done.exit_code == 130
    assert "interrupted" in done.stderr
    assert names(here) == ["small.toml"]


@pytest.mark.parametrize("where", ["run_error", "write_error"])
def test_a_defect_is_one_line_and_exit_code_70(where, here, stub):
    setattr(stub, where, RuntimeError("a\nb"))
    done = dipcert("run", "small.toml")
    assert done.exit_code == 70
    assert done.stdout == ""
    assert "internal error (RuntimeError: a b)" in done.stderr
    assert "--debug" in done.stderr
    assert done.stderr.count("\n") == 1
    assert names(here) == ["small.toml"]


def test_warnings_are_one_line_without_source_code(here, stub, monkeypatch):
    run = sys.modules["verify.run"].run

    def warns(problem, *, progress=None):
        warnings.warn("overflow\nencountered", RuntimeWarning, stacklevel=1)
        return run(problem)

    monkeypatch.setattr(sys.modules["verify.run"], "run", warns)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        done = dipcert("run", "small.toml")
    assert done.exit_code == 0
    assert "dipcert: warning: overflow encountered\n" in done.stderr
    assert ".py" not in done.stderr


def test_a_closed_stdout_is_no_error(here, stub, monkeypatch):
    from verify.commands.run import execute

    monkeypatch.setattr(sys, "stdout", None)
    assert execute(here / "small.toml", None, json_=False, seed=None) == 0


def test_debug_writes_the_trace_to_a_file(here, stub):
    stub.run_error = ZeroDivisionError("of course")
    done = dipcert("run", "small.toml", "--debug")
    assert done.exit_code == 70
    assert "Traceback" not in done.output
    assert "ZeroDivisionError: of course" in (here / "dipcert-trace.txt").read_text(encoding="utf-8")


def test_failed_run_leaves_the_earlier_result(here, stub):
    assert dipcert("run", "small.toml").exit_code == 0
    before = (here / "results/small/result.json").read_bytes()
    stub.status, stub.write_error = "changed", OSError(28, "No space left on device")
    done = dipcert("run", "small.toml")
    assert done.exit_code == 2
    assert stub.text in done.stdout  # what was computed is still shown
    assert "could not be written to results/small (no space left on device); choose another" in done.stderr
    assert (here / "results/small/result.json").read_bytes() == before
    assert names(here / "results") == [f"small/{MANIFEST}", "small/figures/loss.svg", "small/result.json"]


# --- where results go -------------------------------------------------------------------------------------------------


def test_an_earlier_result_is_replaced_and_foreign_files_are_kept(here, stub):
    assert dipcert("run", "small.toml", "--out", "mine").exit_code == 0
    (here / "mine/notes.txt").write_text("my own", encoding="utf-8")
    (here / "mine/more").mkdir()
    (here / "mine/more/x.csv").write_text("1", encoding="utf-8")
    (here / "mine/result.json").write_text("{}", encoding="utf-8")
    stub.status = "t_max"
    assert dipcert("run", "small.toml", "--out", "mine").exit_code == 0
    assert json.loads((here / "mine/result.json").read_text(encoding="utf-8"))["status"] == "t_max"
    assert names(here / "mine") == [MANIFEST, "figures/loss.svg", "more/x.csv", "notes.txt", "result.json"]
    # The user's files are still not ours the next time.
    assert dipcert("run", "small.toml", "--out", "mine").exit_code == 0
    assert (here / "mine/notes.txt").read_text(encoding="utf-8") == "my own"


def test_files_that_the_new_result_lacks_do_not_linger(here, stub):
    assert dipcert("run", "small.toml", "--out", "mine").exit_code == 0
    manifest = (here / "mine" / MANIFEST).read_text(encoding="utf-8")
    (here / "mine/old.svg").write_text("from an older version", encoding="utf-8")
    (here / "mine" / MANIFEST).write_text(manifest + "old.svg\n", encoding="utf-8")
    assert dipcert("run", "small.toml", "--out", "mine").exit_code == 0
    assert "old.svg" not in names(here / "mine")


def test_a_result_without_manifest_is_recognised(here, stub):
    (here / "mine").mkdir()
    (here / "mine/result.json").write_text('{"dipcert": "0.1.0"}', encoding="utf-8")
    assert dipcert("run", "small.toml", "--out", "mine").exit_code == 0


@pytest.mark.parametrize("content", [None, "not json", "[]", '{"other": 1}'])
def test_a_directory_of_the_users_is_left_alone(content, here, stub):
    (here / "mine").mkdir()
    (here / "mine/thesis.tex").write_text("years of work", encoding="utf-8")
    if content is not None:
        (here / "mine/result.json").write_text(content, encoding="utf-8")
    before = names(here)
    done = dipcert("run", "small.toml", "--out", "mine")
    assert done.exit_code == 2
    assert "no earlier result of dipcert" in done.stderr
    assert names(here) == before
    assert not stub.seen


def test_an_empty_directory_is_used(here, stub):
    (here / "mine").mkdir()
    assert dipcert("run", "small.toml", "--out", "mine").exit_code == 0
    assert "result.json" in names(here / "mine")


def test_out_may_be_a_link(here, stub):
    (here / "real").mkdir()
    (here / "link").symlink_to(here / "real")
    assert dipcert("run", "small.toml", "--out", "link").exit_code == 0
    assert (here / "link").is_symlink()
    assert "result.json" in names(here / "real")


def test_results_get_the_usual_permissions(here, stub):
    assert dipcert("run", "small.toml").exit_code == 0
    (here / "ordinary").mkdir()
    assert (here / "results/small").stat().st_mode == (here / "ordinary").stat().st_mode


@pytest.mark.parametrize("out", ["small.toml", "small.toml/deeper", "/", ".", "..", "/proc/none/of/this"])
def test_impossible_places_are_refused(out, here, stub):
    done = dipcert("run", "small.toml", "--out", out)
    assert done.exit_code == 2
    assert done.stderr.startswith("dipcert: --out ")
    assert done.stderr.count("\n") == 1
    assert not (here / "results").exists()


def test_a_rename_that_fails_puts_the_earlier_result_back(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/result.json").write_text('{"dipcert": "0"}', encoding="utf-8")
    rename, calls = Path.rename, []

    def fails_once(self, target):
        calls.append(self.name)
        if len(calls) == 2:
            raise OSError("busy")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_once)
    destination = Destination(tmp_path / "mine")
    destination.check()
    with destination.open() as directory:
        (directory / "result.json").write_text("{}", encoding="utf-8")
        with pytest.raises(OSError, match="busy"):
            destination.publish()
    assert names(tmp_path) == ["mine/result.json"]
    assert (tmp_path / "mine/result.json").read_text(encoding="utf-8") == '{"dipcert": "0"}'


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_permission_is_refused(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(ProblemError, match="not writable"):
        Destination(tmp_path / "locked" / "mine").check()


# --- terminals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charset", ["ascii", "cp1252", "cp437", "latin-1"])
def test_greek_is_spelled_out_where_it_cannot_be_shown(charset, here, stub):
    stub.text = "σ_min ≤ ‖x̄‖ ⁿ 漢"
    done = dipcert("run", "small.toml", charset=charset)
    assert done.exit_code == 0
    assert "_min" in done.stdout
    if charset == "ascii":
        assert "sigma_min <= ||xbar|| n ?" in done.stdout


def test_a_reader_that_leaves_is_no_error(here):
    """`dipcert run … | head -1` with a report longer than the pipe's buffer."""
    code = """
import sys, types
run, report = types.ModuleType("verify.run"), types.ModuleType("verify.report")
run.run = lambda problem, progress=None: types.SimpleNamespace(exit_code=0, status="loss_stop")
report.write = lambda result, directory: None
report.print_report = lambda result, console: console.print("line\\n" * 100000)
sys.modules["verify.run"], sys.modules["verify.report"] = run, report
from verify.cli import main
main(["run", "small.toml"])
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here
    )
    assert process.stdout.readline() == "line\n"
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 0
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


def test_strings_are_accepted_by_streams_without_reconfigure():
    make_printable(object())
