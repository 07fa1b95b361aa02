"""`dipcert recheck` and the reader of checkpoints on hostile files: what is tied, what is said, no internal errors."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.verify.certificate_inputs import WIDE, arrays
from verify.certificate import certify, read_checkpoint
from verify.cli import main
from verify.tables import ProblemError


def run(*arguments: str):
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """net.npz with net.json, wide.toml with wide.json."""
    path = tmp_path_factory.mktemp("made")
    np.savez(path / "net.npz", **arrays())
    certify(read_checkpoint(path / "net.npz"), "start").write(path / "cert.json")
    (path / "wide.toml").write_text(WIDE)
    assert run("certify", str(path / "wide.toml"), "-o", str(path / "wide.json"), "--no-check").exit_code == 0
    return path


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    for file in made.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- files that are no checkpoints
def npy(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def huge(shape: str) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def archive(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "."), data)
    return stream.getvalue()


def patched(flag: int = 0, method: int = 0) -> bytes:
    raw = bytearray(archive(a__npy=npy(np.ones(3))))
    central = raw.index(b"PK\x01\x02")
    for at in (6, central + 8):
        struct.pack_into("<HH", raw, at, flag, method)
    return bytes(raw)


def corrupted() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays())
    raw = bytearray(stream.getvalue())
    raw[200:3000] = bytes(255 for _ in range(2800))
    return bytes(raw)


NONE = "it is no .npz archive (a zip file of arrays)"
BAD = {
    "text": (b"hello", NONE),
    "empty": (b"", NONE),
    "random": (bytes(range(255, 0, -1)) * 5, NONE),
    "npy": (npy(np.ones(3)), NONE),
    "corrupted": (corrupted(), "it is damaged or cut short"),
    "cut": (archive(a__npy=npy(np.ones(30)))[:150], "it is damaged or cut short"),
    "encrypted": (patched(flag=1), "it is encrypted"),
    "method": (patched(method=77), "in a way that is not known here"),
    "huge": (archive(a__npy=huge("(1000000000, 1000000000)")), "does not fit in memory"),
    "absurd": (archive(a__npy=huge(f"({10**30},)")), "is not a readable .npz file"),
    "header": (archive(a__npy=huge("((((")), "is not a readable .npz file"),
    "bytes": (archive(a__npy=npy(np.ones(3)), V=b"abc"), "its member 'V' is no array"),
    "twice": (archive(V__npy=npy(np.ones(3)), V=b"abc"), "an array occurs twice"),
    "objects": (archive(a__npy=huge("(3,)").replace(b"'<f8'", b"'|O' ")), "it holds Python objects"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_archives_are_answered_in_words(kind, tmp_path):
    raw, words = BAD[kind]
    (tmp_path / "x.npz").write_bytes(raw)
    with pytest.raises(ProblemError, match=re.escape(words)) as caught:
        read_checkpoint(tmp_path / "x.npz")
    assert "allow_pickle" not in str(caught.value)
    done = run("certify", str(tmp_path / "x.npz"), "-o", str(tmp_path / "cert.json"))
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1), done.output


def test_a_name_that_is_too_long(here):
    assert run("certify", "x" * 5000 + ".npz").exit_code == 2
    assert run("recheck", "x" * 5000).exit_code == 2


# --- --data
def test_the_documented_checkpoint_ties(here):
    np.savez_compressed(here / "packed.npz", **arrays())
    for name in ("net.npz", "packed.npz"):
        done = run("recheck", "cert.json", "--data", name)
        assert done.exit_code == 0, done.output
        assert f"a, V, R, y and activation, train, loss, scale are those of {name}" in done.stdout
    done = run("recheck", "cert.json", "--data", "cert.npz")  # as the checker itself wants them
    assert done.exit_code == 0, done.output
    assert "your arrays, in the setting named before" in done.stdout
    report = json.loads(run("recheck", "cert.json", "--data", "net.npz", "--json").stdout)
    assert "those of net.npz" in report["tied"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"y": np.zeros(2)}, "net.npz: y"),
        ({"train": "W"}, "train (both in the certificate, W here)"),
        ({"activation": "sin"}, "activation (tanh in the certificate, sin here)"),
        ({"scale": 2.0}, "scale (0x1"),
        ({"signal": np.ones(3)}, "net.npz: signal"),
        ({"V": np.nextafter(arrays()["V"], 9)}, "net.npz: V"),
    ],
)
def test_another_checkpoint_is_rejected(changes, words, here):
    np.savez(here / "net.npz", **arrays(**changes))
    done = run("recheck", "cert.json", "--data", "net.npz")
    assert done.exit_code == 1, done.output
    assert words in done.stdout
    assert "CONFIRMED" not in done.output
    report = json.loads(run("recheck", "cert.json", "--data", "net.npz", "--json").stdout)
    assert (report["ok"], report["code"], report["verdict"], report["tied"]) == (False, 1, "none", "")


def test_why_data_is_no_checkpoint_is_said(here):
    np.savez_compressed(here / "net.npz", **arrays(V=arrays()["V"].T))
    done = run("recheck", "cert.json", "--data", "net.npz")
    assert done.exit_code == 1
    assert "it looks transposed" in done.stdout


# --- tampered documents
def _at(value):
    return lambda top: top["origin"].update(at=value)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_at(10**400), 2), (_at([1]), 0), (_at(None), 0), (_at("1" + "0" * 400), 0), (_at("nan"), 0), (_at("x"), 0),
        (_at("1"), 0), (_at({}), 0),
        (lambda top: top.update(origin=[]), 1),
        (lambda top: top.pop("origin"), 1),
        (lambda top: top.update(problem=3), 1),
        (lambda top: top["problem"].pop("train"), 1),
        (lambda top: top["problem"]["arrays"].update(a=3), 1),
        (lambda top: top["problem"]["arrays"]["a"].pop("shape"), 1),
        (lambda top: top["claims"].clear(), 1),
    ],
)  # fmt: skip
def test_tampered_documents_with_problem(change, code, here):
    top = json.loads((here / "wide.json").read_text())
    change(top)
    (here / "wide.json").write_text(json.dumps(top))
    done = run("recheck", "wide.json", "--problem", "wide.toml")
    assert done.exit_code == code, done.output
    assert ("bit for bit" in done.output) == (code == 0)
    assert ("REJECTED" in done.output) == (code == 1)
    assert ("tie it to yours" in done.output) is False
    data = json.loads(run("recheck", "wide.json", "--problem", "wide.toml", "--json").stdout)
    assert (data["code"], data["ok"], bool(data["reason"])) == (code, code == 0, code != 0)


def test_deep_nesting_is_not_readable(here):
    Path("deep.json").write_text("[" * 200000)
    done = run("recheck", "deep.json", "--problem", "wide.toml")
    assert done.exit_code == 2
    assert "NOT READABLE: deep.json" in done.stderr


# --- what is said
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["none.json"], 2, "none.json does not exist"),
        (["."], 2, ". is not a file"),
        (["cert.json", "--data", "none.npz"], 2, "--data none.npz does not exist"),
        (["cert.json", "--problem", "none.toml"], 2, "none.toml"),
        (["cert.json", "--problem", "bad.toml"], 2, "bad.toml"),
        (["cert.json", "--problem", "wide.toml"], 1, "cert.json is about another problem than wide.toml"),
        (["cert.json", "--seed", "1"], 2, "--seed belongs to --problem"),
        (["cert.json", "--expect=-x"], 2, "--expect -x: a problem id has 64 hexadecimal digits"),
        (["cert.json", "--expect="], 2, "64 hexadecimal digits"),
        (["cert.json", "--expect", "0" * 64], 1, "expected 000"),
        (["cert.npz"], 2, "give the .json file"),
        (["empty.json"], 2, "empty.json is not readable as a certificate: the schema"),
        (["--", "-x.json"], 2, "-x.json is not readable as a certificate"),
    ],
)
def test_every_answer_has_a_reason_in_both_forms(arguments, code, words, here):
    Path("bad.toml").write_text("[network\n")
    Path("empty.json").write_text("{}")
    Path("-x.json").write_text("{}")
    done = run("recheck", *arguments)
    assert done.exit_code == code, done.output
    assert words in done.output
    assert "usage:" not in done.output.lower()
    assert "CONFIRMED" not in done.output
    if code == 2:
        assert (done.stdout, len(done.stderr.splitlines())) == ("", 1)
    if "readable" in done.stderr:
        assert "NOT READABLE: " in done.stderr
    done = run("recheck", "--json", *arguments)
    report = json.loads(done.stdout)
    assert (done.exit_code, report["code"], report["ok"]) == (code, code, False)
    assert words in report["reason"]


def test_the_id_may_be_written_in_capitals(here):
    identity = json.loads(Path("cert.json").read_text())["problem_id"]
    done = run("recheck", "cert.json", "--expect", identity.upper(), "--data", "net.npz")
    assert done.exit_code == 0, done.output
    assert "as expected; a, V, R, y and activation" in done.stdout
