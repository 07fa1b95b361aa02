"""Checkpoints from elsewhere, the files of a certificate, and the checker on a machine of its own."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import zipapp
from pathlib import Path

import numpy as np
import pytest

import verify.recheck
from tests.verify.certificate_inputs import arrays
from verify.certificate import Subject, certify, read_checkpoint
from verify.certificate.certificate import write_arrays
from verify.recheck import check
from verify.tables import ProblemError

CHECKER = Path(verify.recheck.__file__).parent
DOCS = Path(__file__).resolve().parents[2] / "docs" / "certificates.md"


@pytest.fixture
def checkpoint(tmp_path):
    def write(**changes):
        np.savez(tmp_path / "checkpoint.npz", **arrays(**changes))
        return tmp_path / "checkpoint.npz"

    return write


def test_a_checkpoint_is_read_exactly(checkpoint):
    s = read_checkpoint(checkpoint(scale=2.0, signal=np.ones(3)))
    given = arrays()
    assert np.array_equal(s.V.T, given["V"])
    assert np.array_equal(s.R, given["T"])
    assert (s.scale, s.activation, s.train, s.C) == (2.0, "tanh", "both", None)
    assert certify(s, "start").verdict == "PROVED"


def test_single_precision_is_converted_exactly(checkpoint):
    V = arrays()["V"].astype(np.float32)
    s = read_checkpoint(checkpoint(V=V))
    assert np.array_equal(s.V.T, V.astype(np.float64))


BAD = [
    ({"V": None}, "the array V is missing; save it with numpy.savez"),
    ({"W": np.ones(3)}, "unknown array 'W'"),
    ({"V": arrays()["V"].T}, "it looks transposed"),
    ({"T": arrays()["T"].T}, "T has shape (3, 2); with 3 outputs and 2 data it must be (2, 3); it looks transposed"),
    ({"a": np.full(1000, np.nan)}, "a contains NaN or infinity"),
    ({"a": np.ones((1000, 1))}, "a has shape (1000, 1); it must have 1 axis"),
    ({"y": np.array([1j, 0])}, "y has dtype complex128"),
    ({"y": np.array([], dtype=float)}, "y has shape (0,)"),
    ({"y": np.ones(4)}, "T has shape (2, 3)"),
    ({"T": None}, "y has 2 entries but the operator gives 3"),
    ({"R": np.ones((2, 3))}, "either as T or by its factors C and R"),
    ({"T": None, "R": np.ones((4, 3)), "y": np.ones(4)}, "cannot have full row rank"),
    ({"T": None, "R": np.ones((2, 4))}, "with 3 outputs it must be (p, 3)"),
    ({"T": None, "C": np.ones((2, 3))}, "at least as many rows as columns"),
    ({"activation": "tanhh"}, "did you mean 'tanh'?"),
    ({"activation": "relu"}, "the theorems need a smooth activation"),
    ({"activation": 3.0}, "activation must be a text, such as 'tanh'"),
    ({"train": "V"}, "it must be 'both' (a and V move) or 'W' (only a moves)"),
    ({"loss": "lp"}, "cannot be certified; it must be least_squares or weighted_least_squares"),
    ({"scale": -1.0}, "it must be a positive number"),
    ({"scale": np.ones(2)}, "scale must be one number"),
    ({"weights": np.ones(2)}, "belong together"),
    ({"loss": "weighted_least_squares"}, "belong together"),
    ({"loss": "weighted_least_squares", "weights": np.array([1.0, 0.0])}, "2 positive numbers"),
    ({"loss": "weighted_least_squares", "weights": np.ones(4), "T": np.ones((4, 3)), "y": np.ones(4)}, "factor C"),
    ({"signal": np.ones(2)}, "signal has 2 entries, but the network puts out n = 3"),
    ({"y": np.array([2**60 + 1, 0])}, "integers that are no doubles"),
]


@pytest.mark.parametrize(("changes", "words"), BAD, ids=[words[:40] for _, words in BAD])
def test_what_is_wrong_with_a_checkpoint_is_said(changes, words, checkpoint):
    with pytest.raises(ProblemError, match=re.escape(words)):
        read_checkpoint(checkpoint(**changes))


def test_files_that_are_no_checkpoints(tmp_path):
    with pytest.raises(ProblemError, match="does not exist"):
        read_checkpoint(tmp_path / "none.npz")
    with pytest.raises(ProblemError, match="is not a file"):
        read_checkpoint(tmp_path)
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ProblemError, match=r"is not a readable \.npz file"):
        read_checkpoint(tmp_path / "text.npz")
    np.savez(tmp_path / "pickled.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ProblemError, match=r"is not a readable \.npz file"):
        read_checkpoint(tmp_path / "pickled.npz")


# --- the files
@pytest.fixture(scope="module")
def certificate():
    given = arrays()
    return certify(Subject.of(given["a"], given["V"], given["y"], given["T"]), "start")


def test_directories_are_made_and_a_link_leads_to_its_file(certificate, tmp_path):
    """The arrays go beside the file that is written, never beside the link's namesake; foreign data stay."""
    assert certificate.write(tmp_path / "new" / "cert.json") == (
        tmp_path / "new" / "cert.json",
        tmp_path / "new" / "cert.npz",
    )
    (tmp_path / "link.json").symlink_to(tmp_path / "new" / "real.json")
    np.savez(tmp_path / "new" / "real.npz", x=np.ones(2))
    before = (tmp_path / "new" / "real.npz").read_bytes()
    with pytest.raises(ProblemError, match=r"belongs to no certificate real\.json"):
        certificate.write(tmp_path / "link.json")
    assert (tmp_path / "new" / "real.npz").read_bytes() == before
    (tmp_path / "new" / "real.npz").unlink()
    assert certificate.write(tmp_path / "link.json")[1] == tmp_path / "new" / "real.npz"
    assert (tmp_path / "link.json").is_symlink()


def test_a_file_that_is_no_certificate_is_left_alone(certificate, tmp_path):
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(ProblemError, match="is no certificate, so it is left alone"):
        certificate.write(tmp_path / "mine.json")
    assert (tmp_path / "mine.json").read_text() == "{}"
    np.savez(tmp_path / "data.npz", x=np.ones(2))
    before = (tmp_path / "data.npz").read_bytes()
    with pytest.raises(ProblemError, match=r"belongs to no certificate data\.json"):
        certificate.write(tmp_path / "data.json")
    assert (tmp_path / "data.npz").read_bytes() == before
    for name, words in (
        ("cert.txt", "unknown kind of file"),
        ("mine.json/cert.json", "there is no directory|is a file|is not writable"),
    ):
        with pytest.raises(ValueError, match=words):
            certificate.write(tmp_path / name)
    with pytest.raises(ProblemError, match="letters, digits"):
        certificate.write(tmp_path / "my cert.json")


def test_a_certificate_replaces_an_earlier_one_whole(certificate, tmp_path):
    certificate.write(tmp_path / "cert.json")
    first = (tmp_path / "cert.npz").read_bytes()
    certificate.write(tmp_path / "cert.json")
    assert (tmp_path / "cert.npz").read_bytes() == first  # equal arrays give equal files
    assert sorted(item.name for item in tmp_path.iterdir()) == ["cert.json", "cert.npz"]


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_whatever_fails_on_the_way_the_earlier_pair_stays(at, certificate, tmp_path, monkeypatch):
    certificate.write(tmp_path / "cert.json")
    before = {item.name: item.read_bytes() for item in tmp_path.iterdir()}
    calls, replace = [], Path.replace

    def failing(self, target):
        calls.append(target)
        if len(calls) == at:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    other = certify(Subject.of(**{n: v for n, v in arrays(y=np.array([0.2, 0.1])).items() if n in "aVTy"}), "start")
    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(ProblemError, match="could not be written"):
        other.write(tmp_path / "cert.json")
    assert {item.name: item.read_bytes() for item in tmp_path.iterdir()} == before


def test_a_full_disk_leaves_nothing(certificate, tmp_path, monkeypatch):
    def full(path, _arrays):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("verify.certificate.certificate.write_arrays", full)
    with pytest.raises(ProblemError, match="no space left on device"):
        certificate.write(tmp_path / "cert.json")
    assert list(tmp_path.iterdir()) == []


def test_arrays_are_stored_as_the_checker_reads_them(tmp_path):
    array = np.arange(6.0).reshape(2, 3)
    write_arrays(tmp_path / "x.npz", {"A": np.asfortranarray(array), "b": np.array([1.0], dtype=">f8")})
    with np.load(tmp_path / "x.npz") as found:
        assert np.array_equal(found["A"], array)
        assert (found["A"].dtype.str, found["b"].dtype.str) == ("<f8", "<f8")


# --- the checker alone
def test_the_checker_imports_nothing_of_the_toolkit():
    allowed = {"flint", *sys.stdlib_module_names}
    nodes = [node for path in CHECKER.glob("*.py") for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    assert len(nodes) > 5000
    for node in nodes:
        if isinstance(node, ast.Import):
            assert {name.name.split(".")[0] for name in node.names} <= allowed
        if isinstance(node, ast.ImportFrom):
            assert node.level == 1 or node.module.split(".")[0] in allowed
            assert node.level <= 1
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("__import__", "eval", "exec")


def test_the_checker_works_alone(certificate, tmp_path):
    """The checker beside two files, an isolated Python without site packages, and python-flint put there by hand."""
    import flint

    certificate.write(tmp_path / "cert.json")
    shutil.copytree(CHECKER, tmp_path / "recheck")
    (tmp_path / "lib").mkdir()
    home = Path(flint.__file__).parent
    for item in (home, *home.parent.glob("python_flint.libs")):
        (tmp_path / "lib" / item.name).symlink_to(item)
    start = f"import sys, runpy; sys.path.insert(0, {str(tmp_path / 'lib')!r}); sys.argv[:] = sys.argv[1:]; "
    start += (
        "code = 0\ntry: runpy.run_path(sys.argv[0], run_name='__main__')\nexcept SystemExit as e: code = e.code\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('verify', 'numerics', 'theory', 'numpy', 'scipy', 'sympy')]\n"
        "print('loaded', bad); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start, "recheck", "cert.json"],
        cwd=tmp_path, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Verdict: PROVED" in done.stdout
    assert "loaded []" in done.stdout


@pytest.mark.parametrize("name", ["recheck", "flint", "my checker-1.0"])
def test_the_directory_of_the_checker_may_be_called_anything_and_be_anywhere(certificate, tmp_path, name):
    certificate.write(tmp_path / "cert.json")
    (tmp_path / "else" / "where").mkdir(parents=True)
    copy = tmp_path / "else" / name
    shutil.copytree(CHECKER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    zipapp.create_archive(copy, tmp_path / "one.pyz")
    env = {"PATH": os.environ["PATH"]}  # no PYTHONPATH: the toolkit is not to be found
    for start, place, file in (
        ([str(copy)], tmp_path, "cert.json"),
        (["-I", str(copy)], tmp_path, "cert.json"),
        (["-I", "-W", "error", "else/" + name], tmp_path, "cert.json"),
        (["-I", "../" + name], tmp_path / "else" / "where", "../../cert.json"),
        (["-I", "."], copy, str(tmp_path / "cert.json")),
        (["-I", str(copy / "__main__.py")], tmp_path, "cert.json"),
        (["-I", "one.pyz"], tmp_path, "cert.json"),  # python -m zipapp: the checker as one file
    ):
        command = [sys.executable, *start, file]
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, env=env, timeout=120, check=False)
        assert done.returncode == 0, (start, done.stderr, done.stdout)
        assert done.stderr == ""
        assert "Verdict: PROVED" in done.stdout


def test_the_checker_as_a_module_of_the_toolkit(certificate, tmp_path):
    certificate.write(tmp_path / "cert.json")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "verify.recheck", str(tmp_path / "cert.json")],
        cwd=CHECKER.parents[1], capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Verdict: PROVED" in done.stdout


def test_the_checker_loads_nothing_heavy():
    """With `verify/__init__.py`, which runs first."""
    heavy = {"numpy", "scipy", "sympy", "theory", "numerics"}
    script = f"import sys, verify.recheck; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=CHECKER.parents[1], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_changed_number_is_noticed(certificate, tmp_path):
    certificate.write(tmp_path / "cert.json")
    text = (tmp_path / "cert.json").read_text()
    data = json.loads(text)
    claim = next(item for item in data["obligations"] if item["id"] == "sigma_0")
    claim["claim"] = (float.fromhex(claim["claim"]) * 1.0001).hex()
    (tmp_path / "cert.json").write_text(json.dumps(data))
    assert check(str(tmp_path / "cert.json")).code == 1


# --- the documentation
def test_the_snippet_of_the_documentation_runs(tmp_path, monkeypatch):
    """The export of a torch network, with stand-ins for its tensors: no torch is needed to run it."""
    page = DOCS.read_text(encoding="utf-8")
    snippet = re.search(r"<!-- torch -->\n```python\n(.*?)```", page, re.DOTALL)[1]

    class Tensor:
        def __init__(self, array):
            self.array = np.asarray(array, dtype=np.float32)

        def detach(self):
            return self

        def cpu(self):
            return self

        def double(self):
            return Tensor64(self.array.astype(np.float64))

    class Tensor64:
        def __init__(self, array):
            self.array = array

        def __matmul__(self, other):
            return Tensor64(self.array @ other.array)

        def __truediv__(self, number):
            return Tensor64(self.array / (number.array if isinstance(number, Tensor64) else number))

        def __mul__(self, number):
            return Tensor64(self.array * (number.array if isinstance(number, Tensor64) else number))

        def norm(self):
            return Tensor64(np.linalg.norm(self.array))

        def numpy(self):
            return self.array

    class Layer:
        def __init__(self, weight):
            self.weight = Tensor(weight)

    rng = np.random.default_rng(0)
    k, n, m, d = 600, 3, 2, 4
    W, V = rng.standard_normal((k // 2, d)), rng.standard_normal((n, k // 2)) / np.sqrt(k)
    given = {
        "net": [Layer(np.vstack([W, W])), None, Layer(np.hstack([V, -V]))], "u": Tensor(np.ones(d) / 2),
        "T": Tensor(rng.standard_normal((m, n))), "y": Tensor(0.05 * rng.standard_normal(m)),
    }  # fmt: skip
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, str(DOCS), "exec"), given)
    assert check(str(tmp_path / "cert.json")).verdict == "PROVED"
