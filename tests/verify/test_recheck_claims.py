"""Every claim of a certificate, made here with NumPy alone and taken to :mod:`verify.recheck`; and what it must refuse."""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from array import array as doubles
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx

from tests.verify.recheck_making import CASES, Maker, cholesky
from verify import recheck


@pytest.mark.parametrize("case", CASES)
def test_honest_claims_are_confirmed(tmp_path, case):
    maker = Maker(**CASES[case])
    maker.claim("sharp.condition", level=1e-4)
    maker.claim("baseline.condition", level=1e-4)
    maker.claim("recover.kernel")
    if maker.train == "both":
        maker.claim("dip2.amgm", level=1e-4)
    if maker.R is None:
        maker.claim("baseline.recovery")
    report = recheck.check(maker.write(tmp_path))
    assert report.ok, (report.reason, [item for item in report.obligations + report.claims if not item.ok])
    assert (report.code, report.verdict) == (0, "PROVED")


def test_a_plain_output_tells_the_problem_and_the_assumptions(tmp_path, capsys):
    maker = Maker(**CASES["both"])
    maker.claim("sharp.condition")
    path = maker.write(tmp_path)
    assert recheck.main([path]) == 0
    out = capsys.readouterr().out
    assert maker.document()["problem_id"] in out
    assert "Verdict: PROVED" in out
    assert "tie it to yours" in out
    assert recheck.main([path, "--expect", maker.document()["problem_id"], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tied"]
    assert found["ok"]
    assert recheck.main([path, "--expect", "0" * 64]) == 1
    assert "REJECTED" in capsys.readouterr().out


@pytest.mark.parametrize(("train", "activation"), [("both", "tanh"), ("W", "erf")])
def test_a_false_condition_is_refuted(tmp_path, train, activation):
    maker = Maker(4, 4, 6, 60, noise=5.0, train=train, activation=activation)
    maker.claim("sharp.condition", "REFUTED")
    maker.claim("baseline.condition", "REFUTED")
    if train == "both":
        maker.claim("dip2.amgm", "REFUTED")
    report = recheck.check(maker.write(tmp_path))
    assert (report.code, report.verdict) == (3, "REFUTED"), report


def test_a_true_condition_cannot_be_refuted_nor_a_false_one_proved(tmp_path):
    for noise, verdict in ((0.02, "REFUTED"), (5.0, "PROVED")):
        maker = Maker(4, 4, 6, 400 if noise < 1 else 60, noise=noise)
        maker.claim("sharp.condition", "REFUTED")
        maker.claims[0]["verdict"] = verdict
        if verdict == "PROVED":
            maker.claims[0] |= {
                "uses": [kind.split("?")[0] for kind in recheck.RULES["sharp.condition", "PROVED"][0].split()]
            }
            maker.claims[0]["conclusions"] = {"h": "1", "ell_star": "1000", "rate": "0"}
        report = recheck.check(maker.write(tmp_path))
        assert report.code == 1
        assert not report.claims[0].ok
        assert all(item.ok for item in report.obligations)


def test_an_unknown_claim_is_no_proof(tmp_path):
    maker = Maker(**CASES["both"])
    maker.put("sharp.condition", "UNKNOWN", reason="h is 0.7", failed="condition", help="more training \ud800\x1b[31m")
    path = maker.write(tmp_path)
    report = recheck.check(path)
    assert (report.code, report.verdict) == (3, "UNKNOWN")
    assert recheck.main([path]) == 3  # strange characters in a text do not stop the output


def test_threshold_of_a_box(tmp_path):
    """Train W, tanh: an interior hbar that nearly fits y."""
    maker = Maker(3, 3, 5, 80, train="W", noise=0.3)
    V, k = maker.arrays["V"], maker.k
    Bw = maker.T(V.T) / math.sqrt(k)
    hbar = maker.phi * 0.5
    hbar = hbar + np.linalg.pinv(Bw) @ (maker.arrays["y"] - Bw @ hbar)
    assert np.abs(hbar).max() < 0.95
    maker.witnesses["hbar"] = hbar
    S = maker.B @ V.T
    s = np.linalg.svd(S, compute_uv=False)[-1]
    _, mu = maker.whiten(S, "N_V", "L_N_V")
    maker.add("V_sigma_lower", "whitening", s, {"mu": mu.hex()}, ["N_V", "L_N_V", "N"])
    maker.add("gap_lower", "box", 1 - np.abs(hbar).max(), {}, ["hbar"])
    maker.add("hbar_residual_upper", "balls", np.linalg.norm(Bw @ hbar - maker.arrays["y"]) + 1e-13, {}, ["hbar"])
    maker.put(
        "wonly.threshold", "PROVED", conclusions={},
        uses=["sigma_F_lower", "V_sigma_lower", "gap_lower", "hbar_residual_upper"],
    )  # fmt: skip
    report = recheck.check(maker.write(tmp_path))
    assert (report.code, report.verdict) == (0, "PROVED"), report
    maker.arrays["y"] = maker.arrays["y"] + 0.5  # the same point does not fit other data
    report = recheck.check(maker.write(tmp_path))
    assert report.code == 1
    assert not report.claims[0].ok


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cert")


@pytest.mark.parametrize("case", CASES)
def test_every_claimed_number_is_tight_to_a_part_in_a_million(folder, case):
    """Each obligation and conclusion is refused when it claims 3e-6 more than the estimate (5e-6 from what was accepted)."""
    maker = Maker(**CASES[case])
    maker.claim("sharp.condition", level=1e-4)
    maker.claim("recover.kernel")
    if maker.train == "both":
        maker.claim("dip2.amgm", level=1e-4)
    if maker.R is None:
        maker.claim("baseline.recovery")
    path = maker.write(folder)
    assert recheck.check(path).ok
    for i, item in enumerate(maker.document()["obligations"]):
        if item["claim"] == (0.0).hex() or (item["kind"] == "eps_upper" and maker.values["eps_upper"] < 1e-9):
            continue  # a bound 0, or one that is all rounding
        document = maker.document()
        factor = 1 + 5e-6 if item["relation"] == ">=" else 1 - 5e-6
        document["obligations"][i] = item | {"claim": (float.fromhex(item["claim"]) * factor).hex()}
        (folder / "cert.json").write_text(json.dumps(document))
        report = recheck.check(path)
        outcome = next(found for found in report.obligations if found.id == item["id"])
        assert (report.code, outcome.ok) == (1, False), outcome
    for i, claim in enumerate(maker.claims):
        flat = [(key,) for key in claim["conclusions"] if key not in ("stop", "vacuous")]
        flat += [("stop", "time")] if "stop" in claim["conclusions"] else []
        for where in flat:
            document = json.loads(json.dumps(maker.document()))
            place = document["claims"][i]["conclusions"]
            for key in where[:-1]:
                place = place[key]
            value = float.fromhex(place[where[-1]])
            if value < 1e-9:
                continue
            lower = where[-1] in ("rate", "s_star")
            place[where[-1]] = (value * (1 + 3e-6 if lower else 1 - 3e-6)).hex()
            (folder / "cert.json").write_text(json.dumps(document))
            report = recheck.check(path)
            assert (report.code, report.claims[i].ok) == (1, False), (where, report.claims[i])


def test_sigma_by_whitening_and_norms_by_a_witness(tmp_path):
    maker = Maker(8, 5, 5, 300)
    V, k = maker.arrays["V"], maker.k
    S = V.T * maker.D
    s = np.linalg.svd(S, compute_uv=False)
    _, mu = maker.whiten(S, "N_sigma0", "L_N_sigma0")
    f2 = float(maker.phi @ maker.phi) / k
    replace = {"sigma_0_lower", "J_norm_upper", "T_norm_upper"}
    maker.obligations = [item for item in maker.obligations if item["kind"] not in replace]
    maker.add(
        "sigma_0_lower", "whitening", math.sqrt(f2 + s[-1] ** 2 / k), {"mu": mu.hex()}, ["N_sigma0", "L_N_sigma0"]
    )
    top = s[0] ** 2 * (1 + 1e-9)
    maker.witnesses["L_J"] = cholesky(top * np.eye(5) - S @ S.T)
    maker.add("J_norm_upper", "gram", math.sqrt(f2 + s[0] ** 2 / k), {"mu": top.hex()}, ["L_J"])
    top = float(np.linalg.norm(maker.C, 2) ** 2) * (1 + 1e-9)
    maker.witnesses["L_T"] = cholesky(top * np.eye(5) - maker.C.T @ maker.C)
    maker.add("T_norm_upper", "gram", math.sqrt(top), {"mu": top.hex()}, ["L_T"])
    maker.claim("recover.kernel")
    maker.claim("baseline.recovery")
    maker.claim("baseline.condition")
    report = recheck.check(maker.write(tmp_path))
    assert report.code == 0, report
    for item in maker.obligations[-3:]:  # and no more than that
        item["claim"] = (float.fromhex(item["claim"]) * (1 + 5e-6 if item["relation"] == ">=" else 1 - 5e-6)).hex()
    report = recheck.check(maker.write(tmp_path))
    assert {item.id for item in report.obligations if not item.ok} == replace


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e150, 1e290])
def test_doubles_of_any_magnitude(tmp_path, size):
    """Huge and tiny entries of V are a problem for no bound; what is claimed from them has to be right all the same."""
    maker = Maker(4, 4, 6, 100, seed=3, noise=1e-3)
    wanted = {item["kind"]: float.fromhex(item["claim"]) for item in maker.obligations}
    maker.arrays["V"] *= size
    maker.arrays["V"][0, 0] = 5e-324
    linear = {"c_V_upper": (2, 8), "c_full_upper": (2, 8), "B1_upper": (1, 1), "f_lower": (1, 1)}
    maker.obligations = [
        item
        for item in maker.obligations
        if item["kind"] in {*linear, "sigma_F_lower", "rho_0_upper", "B2_upper", "sigma_0_lower"}
    ]
    exact = lambda x: f"{int(x)}" if x >= 1 else f"1/{int(1 / x)}"  # noqa: E731
    for item in maker.obligations:
        if item["kind"] in ("c_V_upper", "c_full_upper"):
            item["claim"] = exact(wanted[item["kind"]] * size * 1.01)
        elif item["kind"] == "rho_0_upper":
            item["claim"] = exact(max(1.0, size) * 1e3)
        elif item["kind"] == "sigma_0_lower":
            item |= {"method": "hidden", "params": {}, "witnesses": [], "claim": maker.values["f_lower"].hex()}
    uses = [item["id"] for item in maker.obligations if item["id"] != "c_full_upper"]
    maker.put("sharp.condition", "PROVED", uses=uses, conclusions={"h": "1", "ell_star": "1", "rate": "0"})
    report = recheck.check(maker.write(tmp_path))
    assert report.code == 1
    assert report.reason == "not confirmed: sharp.condition"
    assert all(item.ok for item in report.obligations), report.obligations


def refused(maker: Maker, folder: Path, change: Any = None, members: Any = None, code: int = 1) -> str:
    document = json.loads(json.dumps(maker.document()))
    if change:
        change(document)
        canonical = json.dumps(document.get("problem"), sort_keys=True, separators=(",", ":")).encode()
        if document.get("problem_id") == maker.document()["problem_id"]:
            document["problem_id"] = hashlib.sha256(canonical).hexdigest()
    report = recheck.check(maker.write(folder, document, members))
    assert report.code == code, report
    assert report.reason
    assert "\n" not in report.reason
    return report.reason


@pytest.fixture(scope="module")
def plain():
    maker = Maker(**CASES["both"])
    maker.claim("sharp.condition", level=1e-4)
    return maker


CHANGES: dict[str, Any] = {
    "unknown key": lambda d: d.update(more=1),
    "missing key": lambda d: d.pop("origin"),
    "path": lambda d: d.update(data="../cert.npz"),
    "absolute path": lambda d: d.update(data="/tmp/cert.npz"),
    "no string": lambda d: d.update(data=3),
    "verdict": lambda d: d.update(verdict="REFUTED"),
    "assumption dropped": lambda d: d["assumptions"].pop(),
    "text changed": lambda d: d["claims"][0].update(text="a better theorem"),
    "hash of the text": lambda d: d["claims"][0].update(text_sha256="0" * 64),
    "unknown statement": lambda d: d["claims"][0].update(statement="sharp.more"),
    "claimed twice": lambda d: d["claims"].append(d["claims"][0]),
    "no claim": lambda d: d.update(claims=[]),
    "obligation missing": lambda d: d["obligations"].pop(),
    "obligation twice": lambda d: d["obligations"].append(d["obligations"][0]),
    "obligation unused": lambda d: d["obligations"].append(d["obligations"][0] | {"id": "other"}),
    "id": lambda d: d["obligations"][0].update(id="a b"),
    "kind": lambda d: d["obligations"][0].update(kind="sigma_F"),
    "method": lambda d: d["obligations"][0].update(method="identity"),
    "relation": lambda d: d["obligations"][0].update(relation="<="),
    "witness dropped": lambda d: d["obligations"][0]["witnesses"].pop(),
    "witness undeclared": lambda d: d["witnesses"].pop("N"),
    "witness unknown": lambda d: d["witnesses"].update(M=d["witnesses"]["N"]),
    "witness unused": lambda d: d["witnesses"].update(L_PKQ=d["witnesses"]["N"]),
    "param missing": lambda d: d["obligations"][0].update(params={}),
    "param unknown": lambda d: d["obligations"][0]["params"].update(nu="1"),
    "claim is a list": lambda d: d["obligations"][0].update(claim=["1"]),
    "claim is negative": lambda d: d["obligations"][0].update(claim="-1"),
    "claim is nan": lambda d: d["obligations"][0].update(claim="nan"),
    "claim is inf": lambda d: d["obligations"][0].update(claim="inf"),
    "claim overflows": lambda d: d["obligations"][0].update(claim="0x1.0p+9999"),
    "claim underflows": lambda d: d["obligations"][0].update(claim="0x1.0p-1080"),
    "claim divides by zero": lambda d: d["obligations"][0].update(claim="1/0"),
    "claim is long": lambda d: d["obligations"][0].update(claim="1" * 401),
    "claim is an integer": lambda d: d["obligations"][0].update(claim=1),
    "claim is a bool": lambda d: d["obligations"][0].update(claim=True),
    "conclusion missing": lambda d: d["claims"][0]["conclusions"].pop("h"),
    "conclusion surplus": lambda d: d["claims"][0]["conclusions"].update(limit="1"),
    "conclusion no object": lambda d: d["claims"][0].update(conclusions=[]),
    "vacuous": lambda d: d["claims"][0]["conclusions"].update(vacuous=False),
    "level zero": lambda d: d["claims"][0]["conclusions"]["stop"].update(level="0"),
    "uses too little": lambda d: d["claims"][0]["uses"].pop(),
    "uses twice": lambda d: d["claims"][0]["uses"].append("sigma_F_lower"),
    "uses no text": lambda d: d["claims"][0].update(uses=[["sigma_F_lower"]]),
    "loss": lambda d: d["problem"].update(loss="weighted_least_squares"),
    "activation": lambda d: d["problem"].update(activation="relu"),
    "activation no text": lambda d: d["problem"].update(activation=["tanh"]),
    "train": lambda d: d["problem"].update(train="V"),
    "scale": lambda d: d["problem"].update(scale="0"),
    "shape": lambda d: d["problem"]["arrays"]["a"].update(shape=[401]),
    "shape bool": lambda d: d["problem"]["arrays"]["a"].update(shape=[True]),
    "shape zero": lambda d: d["problem"]["arrays"]["a"].update(shape=[0]),
    "shape huge": lambda d: d["problem"]["arrays"]["a"].update(shape=[99999999]),
    "shape nested": lambda d: d["problem"]["arrays"]["a"].update(shape=[[400]]),
    "rank": lambda d: d["problem"]["arrays"]["R"].update(shape=[7, 6]),
    "array dropped": lambda d: d["problem"]["arrays"].pop("y"),
    "array unknown": lambda d: d["problem"]["arrays"].update(W=d["problem"]["arrays"]["y"]),
    "sha": lambda d: d["problem"]["arrays"]["y"].update(sha256="0" * 64),
    "sha no text": lambda d: d["problem"]["arrays"]["y"].update(sha256=0),
    "sha of a witness": lambda d: d["witnesses"]["N"].update(sha256="0" * 64),
    "problem id": lambda d: d.update(problem_id="0" * 64),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_document_is_refused(plain, folder, name):
    refused(plain, folder, CHANGES[name])


def changed(plain: Maker, **changes: Any) -> dict[str, bytes]:
    members = plain.members(plain.document())
    for key, change in changes.items():
        members[key + ".npy"] = change(members[key + ".npy"])
    return members


def flip(raw: bytes) -> bytes:
    return raw[:-3] + bytes([raw[-3] ^ 1]) + raw[-2:]


MEMBERS: dict[str, Any] = {
    "one bit": lambda p: changed(p, V=flip),
    "one bit of a witness": lambda p: changed(p, w_N=flip),
    "cut": lambda p: changed(p, V=lambda raw: raw[:-8]),
    "longer": lambda p: changed(p, V=lambda raw: raw + bytes(8)),
    "float32": lambda p: changed(p, V=lambda raw: raw.replace(b"<f8", b"<f4")),
    "big endian": lambda p: changed(p, V=lambda raw: raw.replace(b"<f8", b">f8")),
    "fortran": lambda p: changed(p, V=lambda raw: raw.replace(b"False", b"True ")),
    "objects": lambda p: changed(p, V=lambda raw: raw.replace(b"'<f8'", b"'|O' ")),
    "header code": lambda p: changed(p, V=lambda raw: raw.replace(b"(400, 6)", b"(200*2,6)"[:8])),
    "shape": lambda p: changed(p, V=lambda raw: raw.replace(b"(400, 6)", b"(6, 400)")),
    "magic": lambda p: changed(p, V=lambda raw: b"x" + raw[1:]),
    "version": lambda p: changed(p, V=lambda raw: raw[:6] + b"\x02" + raw[7:]),
    "surplus": lambda p: changed(p) | {"extra.npy": b"x"},
    "missing": lambda p: {key: raw for key, raw in changed(p).items() if key != "y.npy"},
    "traversal": lambda p: {key.replace("y.npy", "../y.npy"): raw for key, raw in changed(p).items()},
}


@pytest.mark.parametrize("name", MEMBERS)
def test_a_changed_array_file_is_refused(plain, folder, name):
    refused(plain, folder, members=MEMBERS[name](plain))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("array", ["V", "a", "y", "w_N"])
def test_numbers_that_are_none_are_refused(folder, value, array):
    maker = Maker(**CASES["both"])
    maker.claim("sharp.condition")
    target = maker.witnesses[array[2:]] if array.startswith("w_") else maker.arrays[array]
    target.flat[-1] = value
    assert "NaN" in refused(maker, folder)


def test_weights_have_to_be_positive(folder):
    maker = Maker(**CASES["weighted"])
    maker.claim("sharp.condition")
    maker.arrays["weights"][0] = 0.0
    assert "positive" in refused(maker, folder)


def test_compressed_and_doubled_members_are_refused(plain, tmp_path):
    path = plain.write(tmp_path)
    members = plain.members(plain.document())
    with zipfile.ZipFile(tmp_path / "cert.npz", "w", zipfile.ZIP_DEFLATED) as file:
        for name, raw in members.items():
            file.writestr(name, raw)
    assert "compressed" in recheck.check(path).reason
    with zipfile.ZipFile(tmp_path / "cert.npz", "w") as file:
        for name, raw in members.items():
            file.writestr(name, raw)
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("y.npy", members["y.npy"])
    assert "twice" in recheck.check(path).reason
    (tmp_path / "cert.npz").write_bytes(b"no zip")
    assert recheck.check(path).code == 1
    (tmp_path / "cert.npz").unlink()
    assert recheck.check(path).code == 1


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"3", b"\xff\xfe", b"NaN", b'{"schema": "dipcert.certificate/2"}', b"[" * 100000, b'{"a":1,"a":2}',
     b'{"schema": "dipcert.certificate/1", "x": 1.5}', b'{"schema": "dipcert.certificate/1", "x": Infinity}',
     b'{"schema": "dipcert.certificate/1", "x": ' + b"9" * 5000 + b"}", b" " * (1 << 22) + b"{}"],
)  # fmt: skip
def test_what_is_no_certificate_has_code_2(tmp_path, raw, capsys):
    (tmp_path / "cert.json").write_bytes(raw)
    report = recheck.check(str(tmp_path / "cert.json"))
    assert report.code == 2
    assert report.reason
    assert recheck.main([str(tmp_path / "cert.json")]) == 2
    assert recheck.check(str(tmp_path / "nothing")).code == 2
    assert recheck.check(str(tmp_path)).code == 2
    capsys.readouterr()


def test_the_arrays_can_be_compared_with_ones_own(plain, tmp_path):
    path = plain.write(tmp_path)
    own = dict(plain.arrays)
    np.savez(tmp_path / "own.npz", **own)
    assert recheck.check(path, data=str(tmp_path / "own.npz")).code == 0
    own["V"] = own["V"].copy()
    own["V"][3, 2] = np.nextafter(own["V"][3, 2], 9)
    np.savez(tmp_path / "own.npz", **own)
    assert "SHA" in recheck.check(path, data=str(tmp_path / "own.npz")).reason
    np.savez(tmp_path / "own.npz", **plain.arrays, C=np.eye(4))
    assert "lacks" in recheck.check(path, data=str(tmp_path / "own.npz")).reason
    assert recheck.check(path, data=str(tmp_path / "none.npz")).code == 1


def test_the_checker_imports_nothing_of_the_toolkit():
    source = "\n".join(path.read_text() for path in Path(recheck.__file__).parent.glob("*.py"))
    names = {line.split()[1].split(".")[0] for line in source.splitlines() if line.startswith(("import ", "from "))}
    allowed = "__future__ argparse array collections dataclasses flint functools hashlib importlib json math operator os re sys"
    assert names <= {*allowed.split(), "", "time", "types", "typing", "zipfile"}  # "": the package itself


@pytest.mark.parametrize("noise", [0.02, 3e-4])
def test_the_flag_vacuous_is_recomputed(tmp_path, noise):
    maker = Maker(4, 4, 6, 400, noise=noise)
    if noise == 0.02:
        maker.arrays["signal"] = maker.arrays["signal"] * 1e-3  # another signal, so small that the bound says nothing
        maker.obligations = [item for item in maker.obligations if item["kind"] not in ("eps_upper", "ker_0_upper")]
        z = maker.g - maker.arrays["signal"]
        maker.add("ker_0_upper", "projected", np.linalg.norm(z - maker.B.T @ (maker.B @ z)), {}, ["N"])
        maker.add("eps_upper", "balls", np.linalg.norm(maker.T(maker.arrays["signal"]) - maker.arrays["y"]))
    maker.claim("recover.kernel")
    maker.claim("sharp.condition")
    conclusions = maker.claims[0]["conclusions"]
    assert conclusions["vacuous"] is (noise == 0.02)
    assert recheck.check(maker.write(tmp_path)).code == 0
    for wrong in (not conclusions["vacuous"], None, 1, "true"):
        conclusions["vacuous"] = wrong
        assert recheck.check(maker.write(tmp_path)).code == 1


def test_a_second_time_cannot_hide_behind_the_stop(plain, folder):
    def change(document):
        claim = next(item for item in document["claims"] if "stop" in item.get("conclusions", {}))
        claim["conclusions"]["time"] = "0"

    assert "sharp.condition" in refused(plain, folder, change)


def test_a_null_flag_is_refused(plain, folder):
    def change(document):
        claim = next(item for item in document["claims"] if "stop" in item.get("conclusions", {}))
        claim["conclusions"]["vacuous"] = None

    assert "sharp.condition" in refused(plain, folder, change)


def test_the_gap_of_a_box_is_that_of_its_nearer_wall():
    """Walls at distances that differ by less than the balls' radius: the smaller one counts."""
    problem = SimpleNamespace(activation="tanh", both=False, C=None, tops={"w_hbar": 2.0**-150 + 2.0**-202})
    problem.values = lambda name: doubles("d", [-(2.0**-150 + 2.0**-202), 2.0**-150])
    with ctx.workprec(recheck.PREC):
        gap = recheck.Problem.box.func(problem)[3]
    with ctx.workprec(1000):
        assert gap <= 1 - arb(2) ** -150 - arb(2) ** -202
