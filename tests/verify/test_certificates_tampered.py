"""No lie about a certificate is confirmed: thousands of changed certificates, in families, from honest ones of every kind.

What a lie may lead to: exit code 1 (rejected), 2 (not readable), or 3 with the verdict UNKNOWN. Never 0, never an exception,
never long. Changes that change nothing are listed here and in NO_LIE, each with the reason, and are accepted.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import flint
import numpy as np
import pytest
from click.testing import CliRunner

from tests.verify.certificate_files import Attempt, Box, Files, honest, identity, pack, refused
from tests.verify.certificate_files import attempt as made
from tests.verify.certificate_mutations import FAMILIES, NO_LIE, no_lie
from tests.verify.certificate_numbers import concluded
from verify import recheck
from verify.certificate import certify
from verify.cli import main
from verify.problem import build, load

ALL = ("sharp", "kernel", "recovery", "refuted", "W", "weighted", "truncated", "restart")

#: family: the certificates it is tried on here, and every how many-th attempt (python -m benchmarks.certificates --lies: all).
PLAN: dict[str, tuple[tuple[str, ...], int]] = {
    "bounds": (ALL, 1),
    "concluded": (ALL, 1),
    "spelled": (("kernel", "refuted"), 3),
    "fields": (("kernel", "recovery", "refuted"), 11),
    "obligations": (("kernel", "recovery", "refuted", "W"), 5),
    "words": (("kernel", "recovery", "refuted", "W"), 2),
    "easier": (("sharp", "restart", "recovery", "weighted"), 1),
    "swapped": (("kernel", "weighted", "recovery"), 3),
    "witnesses": (("kernel", "recovery", "refuted", "W"), 1),
    "problems": (("kernel", "weighted", "truncated", "W"), 1),
    "names": (("kernel",), 1),
    "arrays": (("kernel",), 1),
    "archives": (("kernel",), 1),
    "texts": (("kernel",), 1),
}


@pytest.fixture
def box(tmp_path):
    """An empty folder for attempts."""
    (tmp_path / "box").mkdir()
    return Box(tmp_path / "box")


def attempts(family: str) -> Iterator[tuple[str, Attempt]]:
    names, step = PLAN[family]
    for i, name in enumerate(names):
        for attempt in islice(FAMILIES[family](honest()[name]), i % step, None, step):
            yield name, attempt


@pytest.mark.parametrize("name", ALL)
def test_the_originals_are_confirmed(box, name):
    report = box.check(made("nothing", honest()[name]))
    assert report.ok, report
    assert report.verdict == ("REFUTED" if name == "refuted" else "PROVED")
    assert report.code == (3 if name == "refuted" else 0)


def test_the_originals_are_of_every_kind():
    claims = [
        (claim["statement"], claim["verdict"]) for files in honest().values() for claim in files.document["claims"]
    ]
    for statement in ("sharp.condition", "baseline.condition", "dip2.amgm"):
        assert {(statement, "PROVED"), (statement, "REFUTED")} <= set(claims)
    assert {("recover.kernel", "PROVED"), ("baseline.recovery", "PROVED")} <= set(claims)
    assert float(honest()["restart"].document["origin"]["at"]) > 0
    assert honest()["kernel"].claim("recover.kernel")["conclusions"]["vacuous"] is False
    methods = {(item["kind"], item["method"]) for files in honest().values() for item in files.document["obligations"]}
    assert len(methods) >= 25


COUNTS: Counter[str] = Counter()


@pytest.mark.parametrize("family", PLAN)
def test_no_lie_is_confirmed(box, family):
    confirmed, slow = [], []
    for name, attempt in attempts(family):
        began = time.perf_counter()
        report = box.check(attempt)
        if time.perf_counter() - began > 10:
            slow.append((name, attempt.what))
        COUNTS[family] += 1
        if not refused(report) and not no_lie(name, attempt.what):
            confirmed.append((name, attempt.what, report))
        assert "\n" not in report.reason
        assert len(report.reason) <= 600
        assert report.reason or report.ok
    assert not confirmed, confirmed
    assert not slow, slow
    least = {"concluded": 60, "bounds": 200, "easier": 60, "archives": 20, "texts": 25, "words": 80, "problems": 90}
    assert COUNTS[family] >= least.get(family, 60)


@pytest.mark.parametrize(("what", "name"), [(what, name) for what, (names, _) in NO_LIE.items() for name in names])
def test_what_is_no_lie_is_confirmed(box, what, name):
    """Every entry of NO_LIE occurs and is accepted: the list does not hide anything."""
    found = [
        item for family in ("witnesses", "words") for item in FAMILIES[family](honest()[name]) if item.what == what
    ]
    assert any(box.check(attempt).code == 0 for attempt in found), len(found)


def test_the_right_side_of_a_conclusion_is_one_ulp_away(box):
    """The first double on the right side of every conclusion is accepted: the family "concluded" is as sharp as it says."""
    count = 0
    for files in honest().values():
        for attempt in concluded(files, right=True):
            report = box.check(attempt)
            assert report.ok, (attempt.what, report)
            count += 1
    assert count >= 60


# --- the command ---
def run(arguments: list[str], limit: int = 3 << 30) -> subprocess.CompletedProcess[str]:
    """The checker as a script, with bounded memory and time."""
    return subprocess.run(
        [sys.executable, "-I", str(Path(recheck.__file__).parent), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )


def rejected(found: subprocess.CompletedProcess[str]) -> None:
    """Exit code 1 or 2, the last line says why, nothing on stderr."""
    assert found.returncode in (1, 2), found
    assert found.stderr == ""
    last = found.stdout.splitlines()[-1]
    assert last.startswith("REJECTED: "), last
    assert len(last) > len("REJECTED: ")


SAMPLE = {
    "bounds": 3,
    "concluded": 2,
    "spelled": 17,
    "easier": 0,
    "swapped": 4,
    "witnesses": 0,
    "words": 0,
    "names": 3,
    "arrays": 20,
    "archives": 3,
    "texts": 21,
}


@pytest.mark.parametrize("family", SAMPLE)
def test_as_a_script(box, family):
    _, attempt = next(islice(attempts(family), SAMPLE[family], None))
    rejected(run(box.put(attempt)))


def test_places_that_are_no_files(tmp_path):
    """A directory, a pipe or nothing in place of either file."""
    files = honest()["sharp"]
    files.write(tmp_path)
    rejected(run([str(tmp_path)]))
    rejected(run([str(tmp_path / "none.json")]))
    rejected(run([str(tmp_path / "cert.npz")]))
    (tmp_path / "cert.npz").unlink()
    rejected(run([str(tmp_path / "cert.json")]))
    (tmp_path / "cert.npz").mkdir()
    rejected(run([str(tmp_path / "cert.json")]))
    (tmp_path / "cert.npz").rmdir()
    os.mkfifo(tmp_path / "cert.npz")
    rejected(run([str(tmp_path / "cert.json")]))
    os.mkfifo(tmp_path / "pipe.json")
    rejected(run([str(tmp_path / "pipe.json")]))


@pytest.mark.parametrize("n", [10**5, 3 * 10**5])
def test_a_small_file_does_not_ask_for_a_large_matrix(tmp_path, n):
    """k = 1 and many outputs: the n × n Gram matrix would have 10^10 entries, and flint ends the process without memory."""
    files = honest()["sharp"].copy()
    R = np.zeros((1, n))
    R[0, 0] = 1
    files.arrays |= {"a": np.ones(1), "V": np.ones((1, n)), "R": R, "y": np.ones(1)}
    files.arrays |= {name: np.ones((1, 1)) for name in files.arrays if name.startswith("w_")}
    path = files.fix().write(tmp_path)
    rejected(run([str(path)]))


def test_a_sparse_file_of_100_gb(tmp_path):
    """The directory of the zip file tells the truth about 100 GB that take no room on the disk: refused before they are read."""
    files = honest()["sharp"].copy()
    files.problem["arrays"]["a"]["shape"] = [10**7]
    files.problem["arrays"]["V"]["shape"] = [10**7, 1250]
    files.document["problem_id"] = identity(files.problem)
    path = files.write(tmp_path)
    with (tmp_path / "cert.npz").open("r+b") as stream:
        stream.truncate(100 << 30)
    try:
        rejected(run([str(path)]))
    finally:
        (tmp_path / "cert.npz").unlink()


ALONE = """
import runpy, sys
sys.path.append(sys.argv[1])
for name in ("numpy", "scipy", "mpmath", "verify", "numerics", "theory"):
    try:
        __import__(name)
    except ImportError:
        continue
    sys.exit(f"{name} is importable: the checker would not be alone")
sys.argv = ["recheck", sys.argv[2]]
runpy.run_path("recheck", run_name="__main__")
"""


def test_with_nothing_but_the_standard_library_and_flint(tmp_path):
    """The checker and two files in a folder, an interpreter that finds python-flint and nothing else beside its own library."""
    site = Path(flint.__file__).resolve().parents[1]
    (tmp_path / "site").mkdir()
    for part in ("flint", "python_flint.libs"):  # the second: its shared libraries, where the wheel brings them
        if (site / part).exists():
            (tmp_path / "site" / part).symlink_to(site / part)
    shutil.copytree(Path(recheck.__file__).parent, tmp_path / "recheck")
    files = honest()["kernel"].copy()
    files.write(tmp_path)
    command = [sys.executable, "-I", "-S", "-c", ALONE, str(tmp_path / "site"), "cert.json"]
    found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert (found.returncode, found.stderr) == (0, ""), found
    assert found.stdout.splitlines()[-1].endswith("Verdict: PROVED")
    files.claim("sharp.condition")["conclusions"]["rate"] = "1"
    files.write(tmp_path)
    found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    rejected(found)


def test_a_claimed_time_of_the_run_is_not_believed(tmp_path):
    """recheck --problem: parameters said to be from later in the run are not those of the file, and that is said."""
    example = Path(__file__).resolve().parents[2] / "examples" / "gaussian_wide.toml"
    certify(build(load(example)), at="start").write(tmp_path / "cert.json")
    arguments = ["recheck", str(tmp_path / "cert.json"), "--problem", str(example)]
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == 0
    assert "the arrays are those of" in found.output
    assert "setting tanh, train both, least_squares" in found.output
    document = json.loads((tmp_path / "cert.json").read_text())
    document["origin"]["at"] = "1"
    (tmp_path / "cert.json").write_text(json.dumps(document))
    found = CliRunner().invoke(main, arguments)
    assert found.exit_code == 0
    assert "the arrays are those of" not in found.output
    assert "a and V are not" in found.output


# --- changes that change nothing ---
def _renamed(files: Files) -> None:
    for item in files.document["obligations"]:
        item["id"] = "o." + item["id"]
    for claim in files.document["claims"]:
        claim["uses"] = ["o." + use for use in claim.get("uses", [])] if "uses" in claim else claim.pop("uses", None)
        if claim["uses"] is None:
            del claim["uses"]


def _fractions(files: Files) -> None:
    for item in files.document["obligations"]:
        p, q = float.fromhex(item["claim"]).as_integer_ratio()
        item["claim"] = f"{p}/{q}"


def _negative(files: Files) -> None:
    files.arrays["w_L_sigma0"] *= -1
    files.arrays["w_N"] *= -1
    files.fix()


def _without_stop(files: Files) -> None:
    for claim in files.document["claims"]:
        claim.get("conclusions", {}).pop("stop", None)


def _weaker(files: Files) -> None:
    claim = files.claim("sharp.condition")["conclusions"]
    claim["ell_star"] = (2 * float.fromhex(claim["ell_star"])).hex()


#: what is done: (how, why it is as good as before)
SAME: dict[str, tuple[Callable[[Files], Any], str]] = {
    "other origin": (
        lambda f: f.document.update(origin={"at": "0", "by": "nobody"}, environment={}),
        "both are texts that nothing rests on",
    ),
    "obligations in another order": (lambda f: f.document["obligations"].reverse(), "they are named, not numbered"),
    "claims in another order": (lambda f: f.document["claims"].reverse(), "each stands by itself"),
    "keys in another order": (
        lambda f: f.document.update(obligations=f.document.pop("obligations")),
        "JSON objects have no order",
    ),
    "witnesses in another order": (
        lambda f: [item["witnesses"].reverse() for item in f.document["obligations"]],
        "they are named",
    ),
    "other ids": (_renamed, "an id is any name, as long as the claims use the same"),
    "fractions": (_fractions, "the same numbers, spelled p/q"),
    "witnesses of the other sign": (_negative, "L L' and (N R)'(N R) are the same"),
    "no stop": (_without_stop, "a stopping time is optional"),
    "a weaker conclusion": (_weaker, "what follows from a true statement is true"),
    "another reason for UNKNOWN": (
        lambda f: f.claim("baseline.recovery").update(reason="?", help="?"),
        "nothing is claimed",
    ),
}


@pytest.mark.parametrize("what", SAME)
def test_changes_that_change_nothing(box, what):
    files = honest()["kernel"].copy()
    SAME[what][0](files)
    assert json.dumps(files.document) != json.dumps(honest()["kernel"].document)
    report = box.check(made(what, files, expect=honest()["kernel"].document["problem_id"]))
    assert report.code == 0, (report, SAME[what][1])


def test_bytes_around_the_arrays_mean_nothing(box):
    """What is certified are the arrays that the hashes name; the zip format allows bytes before, after and between."""
    files = honest()["kernel"]
    text, members = json.dumps(files.document, indent=3).encode(), list(files.members().items())
    plain = pack(members)
    end = plain.rindex(b"PK\x05\x06")
    counted = (
        plain[: end + 8] + b"\xfe\xfe\xfe\xfe" + plain[end + 12 :]
    )  # numbers of members, which zipfile does not use
    for raw in (plain, plain + b"more", b"before" + plain, pack(members[::-1]), counted):
        assert box.check(Attempt("around", text, raw)).code == 0
