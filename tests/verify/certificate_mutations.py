"""Ways of telling a lie by a certificate, in families. Each takes an honest certificate and gives attempts that have to fail."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.verify.certificate_cases import SUP, Truth, X
from tests.verify.certificate_files import Attempt, Files, identity, member
from verify import recheck
from verify.certificate import Subject, certify

BAD_NUMBERS: tuple[Any, ...] = (
    "NaN", "nan", "Infinity", "-Infinity", "inf", "1e400", "0x1p+99999", "0x1.0p+99999", "0x1.0p+9999", "-0x1.0000000000000p-3",
    "-1", "1/0", "1/-2", "0/0", "", " 1", "1 ", "1\n", "+1", "1.5", "1e-3", "1_0", "\uff11", "\u0661", "0x", "9" * 401, "1/" + "9" * 401,
    "9" * 10**6, "1/" + "3" * 10**6, "1/2/3", "1 / 2", "0x1.8P-3", True, False, 1, 0, None, [], ["1"], {}, {"value": "1"}, [[["1"]]],
)  # fmt: skip
RAW_NUMBERS = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "0.5",
    "1E5",
    "9" * 5000,
    "01",
    ".5",
    "0x1",
    "'1'",
    "nan",
    "tru",
)
TYPES: tuple[Any, ...] = (True, 0, 7, None, [], {}, "", "x", [[]], {"a": {"a": [1]}}, [None])


#: Attempts that are no lies: what is done: (the certificates for which it is none, why it is true all the same).
NO_LIE: dict[str, tuple[tuple[str, ...], str]] = {
    "w_L_N turned": (("sharp", "kernel", "W", "weighted", "truncated", "restart"), "N N' of the certifier's N is diagonal up to rounding, and so is "
                     "L_N: it is its own transpose"),
    "baseline.recovery as wonly.threshold": (("kernel", "truncated"), "the claim is UNKNOWN: nothing is claimed under either name"),
}  # fmt: skip
_ROUNDING = "R has orthonormal rows: mu I - N N' is no larger than the margin of the claim, which needs no L_N then"
NO_LIE |= {f"w_L_N {how}": (("truncated",), _ROUNDING) for how in ("zero", "larger", "tiny", "singular", "off")}


def no_lie(name: str, what: str) -> bool:
    """Whether an attempt is listed as one that changes nothing."""
    return what in NO_LIE and name in NO_LIE[what][0]


def pack(members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip file; the same name may occur twice."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as file:
        for name, raw in members:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = compression
            if name in file.NameToInfo:
                del file.NameToInfo[name]  # no warning: it is meant
            file.writestr(info, raw)
    return stream.getvalue()


def attempt(what: str, files: Files, members: Any = None, **rest: Any) -> Attempt:
    """From a changed document and its arrays."""
    found = files.members() if members is None else members
    text = json.dumps(files.document).encode()
    return Attempt(what, text, pack(list(found.items()) if isinstance(found, dict) else found), **rest)


def changed(files: Files, what: str, change: Callable[[Files], Any], fix: bool = False, **rest: Any) -> Attempt:
    """An attempt by a change of a copy."""
    other = files.copy()
    change(other)
    return attempt(what, other.fix() if fix else other, **rest)


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of a document; of a list the first element."""
    if at:
        yield at
    children = list(value) if isinstance(value, dict) else [0] if isinstance(value, list) and value else []
    for key in children:
        yield from _paths(value[key], (*at, key))


def _place(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


# --- numbers ---------------------------------------------------------------------------------------------------------------
def bounds(files: Files) -> Iterator[Attempt]:
    """Every obligation a hair beyond what the checker itself derives."""
    for item, outcome in zip(files.document["obligations"], files.report.obligations, strict=True):
        derived = Fraction(outcome.derived)
        if derived == 0:
            continue  # nothing is below an upper bound 0
        for past in (Fraction(1, 10**15), Fraction(1, 10**9), Fraction(1, 10), Fraction(9, 10)):
            factor = 1 + past if item["relation"] == ">=" else 1 - past
            lie = {**item, "claim": _short(derived * factor)}
            yield changed(files, f"{item['kind']} {float(past):g} past", lambda f, lie=lie: _put(f, item["id"], lie))


def _short(x: Fraction) -> str:
    x = Fraction(x.numerator * 10**60 // x.denominator, 10**60) if len(str(x)) > 700 else x
    return f"{x.numerator}/{x.denominator}"


def _put(files: Files, name: str, item: Any) -> None:
    files.document["obligations"] = [item if old["id"] == name else old for old in files.document["obligations"]]


def _number(text: str) -> Any:
    return (
        X.mpf(float.fromhex(text))
        if text.startswith("0x")
        else X.mpf(Fraction(text).numerator) / Fraction(text).denominator
    )


def followed(files: Files, claim: dict[str, Any]) -> dict[str, tuple[Any, int]]:
    """What follows from the *claimed* obligations, to 60 digits; 1: an upper bound, -1: a lower bound."""
    problem = files.problem
    items = {item["id"]: item for item in files.document["obligations"]}
    k, w = problem["arrays"]["a"]["shape"][0], files.arrays.get("weights", np.ones(1))
    claimed = Truth.__new__(Truth)  # its formulas, with other numbers
    claimed.__dict__.update(
        subject=SimpleNamespace(scale=float.fromhex(problem["scale"])), both=problem["train"] == "both", k=k, root=X.sqrt(k),
        R=files.arrays.get("R"), w_min=X.mpf(float(w.min())), B1=SUP[problem["activation"]][0], B2=SUP[problem["activation"]][1],
    )  # fmt: skip
    claimed.__dict__.update(
        {items[use]["kind"].rsplit("_", 1)[0]: _number(items[use]["claim"]) for use in claim["uses"]}
    )
    name = claim["statement"]
    if claim["verdict"] == "REFUTED":
        found = {"sharp.condition": ("h", "h"), "baseline.condition": ("R_prime", "R_prime")}.get(name)
        return {found[0]: (getattr(claimed, found[1]), -1)} if found else {}
    stop = claim["conclusions"].get("stop")
    return claimed.conclusions(name, float.fromhex(stop["level"]) if stop else None) if claim["conclusions"] else {}


def neighbours(value: Any, sign: int) -> tuple[float, float]:
    """(the last double on the wrong side of an upper (1) or lower (-1) bound, the first one on the right side)."""
    wrong = float(value)
    while sign * (X.mpf(wrong) - value) >= 0:
        wrong = float(np.nextafter(wrong, -sign * np.inf))
    right = float(np.nextafter(wrong, sign * np.inf))
    while sign * (X.mpf(right) - value) < 0:
        wrong, right = right, float(np.nextafter(right, sign * np.inf))
    return wrong, right


def concluded(files: Files, right: bool = False) -> Iterator[Attempt]:
    """Every conclusion one ulp past what follows from the claimed obligations (right: on the right side of it)."""
    for i, claim in enumerate(files.document["claims"]):
        if claim["verdict"] == "UNKNOWN":
            continue
        for key, (value, sign) in followed(files, claim).items():
            pair = neighbours(value, sign)
            if pair[right] < 0 or (right and pair[0] < 0):
                continue  # the bound is 0: there is nothing below

            def put(f: Files, i: int = i, key: str = key, number: float = pair[right]) -> None:
                where = f.document["claims"][i]["conclusions"]
                (where["stop"] if key == "time" else where)[key] = number.hex()

            yield changed(files, f"{claim['statement']}: {key} by an ulp", put)


def spelled(files: Files) -> Iterator[Attempt]:
    """Numbers that are none, in a claim, a parameter, a conclusion and the scale."""
    item = files.document["obligations"][0]
    places: list[tuple[Any, ...]] = [("obligations", 0, "claim"), ("problem", "scale")]
    places += [("obligations", 0, "params", key) for key in item["params"]]
    concluded = next(i for i, claim in enumerate(files.document["claims"]) if claim.get("conclusions"))
    places += [
        ("claims", concluded, "conclusions", key)
        for key in list(files.document["claims"][concluded]["conclusions"])[:1]
    ]
    for place in places:
        for bad in BAD_NUMBERS:
            other = files.copy()
            _place(other.document, place[:-1])[place[-1]] = bad
            other.document["problem_id"] = identity(other.problem)
            yield attempt(f"{place}: {str(bad)[:20]!r}", other)
        for raw in RAW_NUMBERS:
            other = files.copy()
            _place(other.document, place[:-1])[place[-1]] = "@@"
            yield Attempt(
                f"{place}: {raw[:20]}",
                json.dumps(other.document).replace('"@@"', raw).encode(),
                pack(list(other.members().items())),
            )


# --- structure -------------------------------------------------------------------------------------------------------------
def fields(files: Files) -> Iterator[Attempt]:
    """Every field dropped, renamed, given twice, or of another type."""
    free = {("origin",), ("environment",)}
    npz = pack(list(files.members().items()))
    for path in _paths(files.document):
        if path[:1] in free and path not in free:
            continue  # texts that mean nothing
        if isinstance(path[-1], str) and path[-1] not in ("stop",):  # a stop may be absent
            other = files.copy()
            del _place(other.document, path[:-1])[path[-1]]
            yield Attempt(f"{path} dropped", json.dumps(other.document).encode(), npz)
            other = files.copy()
            here = _place(other.document, path[:-1])
            here[path[-1] + "_"] = here.pop(path[-1])
            yield Attempt(f"{path} renamed", json.dumps(other.document).encode(), npz)
            other = files.copy()
            here = _place(other.document, path[:-1])
            here["@@"] = here[path[-1]]
            yield Attempt(f"{path} twice", json.dumps(other.document).replace('"@@"', f'"{path[-1]}"').encode(), npz)
        old = _place(files.document, path)
        for value in TYPES:
            if value == old or (path in free and isinstance(value, dict)):
                continue
            other = files.copy()
            _place(other.document, path[:-1])[path[-1]] = value
            if path[0] == "problem" and len(path) > 1:
                other.document["problem_id"] = identity(other.problem)
            yield Attempt(f"{path} is {value!r}", json.dumps(other.document).encode(), npz)
    pairs = files.copy()
    for claim in pairs.document["claims"]:
        if "conclusions" in claim:
            claim["conclusions"] = [list(pair) for pair in claim["conclusions"].items()]
    yield Attempt("conclusions as a list of pairs", json.dumps(pairs.document).encode(), npz)


def obligations(files: Files) -> Iterator[Attempt]:
    """Obligations removed, doubled, renamed, turned round, of another kind or method; other witnesses."""
    items = files.document["obligations"]
    kinds = sorted({kind for kind, _ in recheck.BOUNDS})
    for i, item in enumerate(items):
        put = lambda f, lie, i=i: f.document["obligations"].__setitem__(i, lie)  # noqa: E731
        yield changed(files, f"{item['id']} removed", lambda f, i=i: f.document["obligations"].pop(i))
        yield changed(files, f"{item['id']} twice", lambda f, item=item: f.document["obligations"].append(dict(item)))
        yield changed(
            files, f"{item['id']} unused", lambda f, item=item: f.document["obligations"].append({**item, "id": "more"})
        )
        flipped = {">=": "<=", "<=": ">="}[item["relation"]]
        lies = [
            {"relation": flipped},
            {"relation": "="},
            {"method": "trust"},
            {"witnesses": [*item["witnesses"], "N"]},
            {"id": "\x1b[2J"},
        ]
        lies += [{"kind": kind} for kind in kinds if kind != item["kind"]]
        lies += (
            [{"kind": item["kind"], "params": {**item["params"], "more": "1"}}, {"witnesses": item["witnesses"][1:]}]
            if item["witnesses"]
            else []
        )
        for lie in lies:
            yield changed(files, f"{item['id']}: {lie}", lambda f, item=item, lie=lie, put=put: put(f, {**item, **lie}))
    for claim in files.document["claims"]:
        uses = claim.get("uses", [])
        for i in range(len(uses)):
            less, swapped, more = uses[:i] + uses[i + 1 :], [*uses[:i], uses[i - 1], *uses[i + 1 :]], [*uses, uses[i]]
            for lie in (less, swapped, more, [*uses, "none"]):
                name = claim["statement"]
                yield changed(
                    files, f"{name} uses {lie}", lambda f, n=name, lie=lie: f.claim(n).__setitem__("uses", lie)
                )
    # two obligations exchange their ids: the numbers would be taken for one another
    first, last = items[0]["id"], items[-1]["id"]

    def exchange(f: Files) -> None:
        for item in f.document["obligations"]:
            item["id"] = {first: last, last: first}.get(item["id"], item["id"])

    if any((first in claim.get("uses", [])) != (last in claim.get("uses", [])) for claim in files.document["claims"]):
        yield changed(files, f"{first} and {last} exchange ids", exchange)


def words(files: Files) -> Iterator[Attempt]:
    """Statements, texts, verdicts, assumptions that are not those of the theorem."""
    import hashlib

    document = files.document
    for i, claim in enumerate(document["claims"]):
        text = claim["text"]
        for lie in (text + " ", text.replace("1", "2", 1), text.replace("<", ">", 1), "", "Everything converges."):
            digest = hashlib.sha256(lie.encode()).hexdigest()
            for sha in (claim["text_sha256"], digest):
                put = {"text": lie, "text_sha256": sha}
                yield changed(
                    files, f"text of {claim['statement']}", lambda f, i=i, put=put: f.document["claims"][i].update(put)
                )
        for other in (*recheck.STATEMENTS, "own.theorem", "sharp"):
            if other != claim["statement"]:
                known = recheck.STATEMENTS.get(other, text)
                put = {"statement": other, "text": known, "text_sha256": hashlib.sha256(known.encode()).hexdigest()}
                yield changed(
                    files,
                    f"{claim['statement']} as {other}",
                    lambda f, i=i, put=put: f.document["claims"][i].update(put),
                )
        for verdict in ("PROVED", "REFUTED", "UNKNOWN", "proved", "TRUE"):
            if verdict == claim["verdict"]:
                continue
            yield changed(
                files,
                f"{claim['statement']} {verdict}",
                lambda f, i=i, v=verdict: f.document["claims"][i].update(verdict=v),
            )
            body = {"uses": [item["id"] for item in document["obligations"]], "conclusions": {}}
            lie = {key: claim[key] for key in ("statement", "text", "text_sha256")} | {"verdict": verdict}

            def replaced(f: Files, i: int = i, lie: Any = lie, body: Any = body) -> None:
                f.document["claims"][i] = {
                    **lie,
                    **{key: f.document["claims"][i].get(key, value) for key, value in body.items()},
                }
                f.document["verdict"] = "PROVED"

            yield changed(files, f"{claim['statement']} {verdict} with a body", replaced)
        yield changed(files, "a claim twice", lambda f, claim=claim: f.document["claims"].append(dict(claim)))
        if "vacuous" in claim.get("conclusions", {}):
            yield changed(files, "vacuous turned", lambda f, i=i: _turn(f.document["claims"][i]["conclusions"]))
    for verdict in ("PROVED", "REFUTED", "UNKNOWN", "proved", "PROVED ", "OK"):
        if verdict != document["verdict"]:
            yield changed(files, f"verdict {verdict}", lambda f, v=verdict: f.document.update(verdict=v))
    known = document["assumptions"]
    for lie in ([], known[1:], known[::-1], [*known, "All is well."], [known[0]] * 3):
        yield changed(files, "assumptions", lambda f, lie=lie: f.document.update(assumptions=lie))
    yield changed(files, "no claims", lambda f: f.document.update(claims=[], obligations=[]))
    for schema in ("dipcert.certificate/2", "dipcert.certificate", ""):
        yield changed(files, f"schema {schema}", lambda f, s=schema: f.document.update(schema=s))


def _turn(conclusions: dict[str, Any]) -> None:
    conclusions["vacuous"] = not conclusions["vacuous"]


# --- another problem ---------------------------------------------------------------------------------------------------------
def _subject(files: Files, **changes: Any) -> Subject:
    problem, arrays = files.problem, files.arrays
    given = {name: arrays.get(name) for name in ("R", "C", "weights", "signal")}
    given |= {"activation": problem["activation"], "train": problem["train"], "scale": float.fromhex(problem["scale"])}
    given |= {"a": arrays["a"], "V": arrays["V"].T, "y": arrays["y"]} | changes
    return Subject.of(**given)


def easier(files: Files) -> Iterator[Attempt]:
    """An honest certificate of an easier problem, for a user who expects the original: by id, or by the arrays."""
    a, V, y = files.arrays["a"], files.arrays["V"], files.arrays["y"]
    original, plain = files.document["problem_id"], {k: x for k, x in files.arrays.items() if not k.startswith("w_")}
    data = pack([(f"{name}.npy", member(np.ascontiguousarray(x))) for name, x in plain.items()])
    phi = {"tanh": np.tanh, "softplus": lambda x: np.log1p(np.exp(x))}.get(files.problem["activation"], np.tanh)
    image = V.T @ phi(a) / np.sqrt(len(a))
    for name in ("R", "C"):
        image = image if name not in plain else plain[name] @ image
    ulp = y.copy()
    ulp[0] = np.nextafter(ulp[0], image[0])
    lies: list[dict[str, Any]] = [
        {"y": image + 1e-9},
        {"y": ulp},
        {"y": (y + image) / 2},
        {"V": V.T * 1.01},
        {"a": a * 1.001},
    ]
    lies += [{name: plain[name] * 1.25} for name in ("R", "C", "weights", "signal") if name in plain]
    lies += [{name: None} for name in ("signal", "weights") if name in plain] + [
        {"signal": image[0] + np.zeros(V.shape[1])}
    ]
    for lie in lies:
        other = Files.of(certify(_subject(files, **lie), at="start"))
        assert other.document["problem_id"] != original
        yield attempt(f"easier by {list(lie)}, id expected", other, expect=original)
        if (
            "signal" not in lie or "signal" in plain
        ):  # a signal that the user does not have is no part of the user's data
            yield attempt(f"easier by {list(lie)}, data expected", other, data=data)
    names: list[dict[str, Any]] = [
        {"activation": "identity"},
        {"scale": 2.0},
        {"train": "W" if files.problem["train"] == "both" else "both"},
    ]
    for lie in names:  # the arrays are the same: the id tells
        yield attempt(f"easier by {lie}", Files.of(certify(_subject(files, **lie), at="start")), expect=original)
    for wrong in ("", "0" * 64, original[:-1], original.upper() + "x", "*"):
        yield attempt("another id expected", files, expect=wrong)
    yield attempt("data expected that are no file", files, data=b"not a zip file")
    yield attempt("data expected that lack y", files, data=pack([("a.npy", member(a))]))


def swapped(files: Files) -> Iterator[Attempt]:
    """Arrays exchanged in the data file only; then hashes exchanged in the JSON file only."""
    for name, x in files.arrays.items():
        flat = x.reshape(-1)
        lies = {
            "ulp": np.nextafter(flat, np.inf),
            "zero": flat * 0,
            "half": flat / 2,
            "negative": -flat,
            "nan": flat * np.nan,
            "inf": flat + np.inf,
        }
        lies |= {"turned": flat[::-1].copy(), "last bit": np.append(flat[:-1], np.nextafter(flat[-1], np.inf))}
        for how, lie in lies.items():
            if np.array_equal(lie, flat):
                continue  # all zero, or its own mirror image
            other = files.copy()
            other.arrays[name] = lie.reshape(x.shape)
            yield attempt(f"{name} {how} in the data", other)
            if how in ("nan", "inf"):
                yield attempt(f"{name} {how}, hashes right", other.fix())
        table = files.document["witnesses"] if name.startswith("w_") else files.problem["arrays"]
        digest = table[name.removeprefix("w_")]["sha256"]
        for lie in (digest[::-1], digest.upper(), digest[:-1], "0" * 64, digest + "0", ""):
            other = files.copy()
            where = other.document["witnesses"] if name.startswith("w_") else other.problem["arrays"]
            where[name.removeprefix("w_")]["sha256"] = lie
            if lie != digest:
                yield attempt(f"{name}: hash {lie[:8]}", other)
                other.document["problem_id"] = identity(other.problem)
                yield attempt(f"{name}: hash {lie[:8]}, id right", other)
    yield changed(files, "problem_id", lambda f: f.document.update(problem_id="0" * 64))


def witnesses(files: Files) -> Iterator[Attempt]:
    """Witnesses that prove nothing, with their hashes right."""
    rng = np.random.default_rng(0)
    for name, x in files.arrays.items():
        if not name.startswith("w_"):
            continue
        lies = {
            "zero": 0 * x, "huge": np.full(x.shape, 1e300), "larger": 3 * x if x.ndim == 2 else 0 * x, "random": rng.standard_normal(x.shape),
            "tiny": np.full(x.shape, 5e-324), "one": np.eye(*x.shape) if x.ndim == 2 else np.eye(1, len(x))[0] * 0,
        }  # fmt: skip
        if x.ndim == 2 and len(x) > 1:
            lies |= {"turned": x.T.copy(), "singular": np.outer(x[0], x[0]), "off": x + 0.1 * abs(x).max()}
        for how, lie in lies.items():
            other = files.copy()
            other.arrays[name] = lie
            yield attempt(f"{name} {how}", other.fix())
        for shape in ((1, *x.shape), (x.size,), (x.shape[0] + 1, *x.shape[1:])):
            other = files.copy()
            other.arrays[name] = np.resize(x, shape)
            if other.arrays[name].shape != x.shape:
                yield attempt(f"{name} of shape {shape}", other.fix())


def problems(files: Files) -> Iterator[Attempt]:
    """Problems that are none: shapes, ranks, weights, names; hashes right."""
    names = {"network": ["three_layer"], "activation": ["relu", "TANH", "tanh ", "exp"], "train": ["V", "BOTH", ""], "loss": ["huber", "L1"],
             "scale": ["0", "0x0.0p+0", "-1", "0/1"]}  # fmt: skip
    for key, lies in names.items():
        for lie in lies:
            yield changed(files, f"{key} {lie!r}", lambda f, key=key, lie=lie: f.problem.update({key: lie}), fix=True)
    arrays = files.arrays
    lies: list[tuple[str, str, np.ndarray]] = [
        ("y", "longer", np.append(arrays["y"], 0)),
        ("y", "2-d", arrays["y"][None]),
        ("a", "shorter", arrays["a"][1:]),
    ]
    lies += [
        ("V", "turned", arrays["V"].T.copy()),
        ("V", "narrow", arrays["V"][:, 1:].copy()),
        ("V", "zero", 0 * arrays["V"]),
    ]
    lies += [
        ("weights", "of one", np.ones(len(arrays["y"]))),
        ("weights", "negative", -np.ones(len(arrays["y"]))),
        ("S", "unknown", np.ones(1)),
    ]
    if "weights" in arrays:
        w = arrays["weights"]
        lies += [
            ("weights", "negative", -w),
            ("weights", "zero", 0 * w),
            ("weights", "partly", np.append(w[:-1], -1e-300)),
            ("weights", "long", np.append(w, 1)),
        ]
    for name in ("R", "C"):
        if name in arrays:
            M = arrays[name]
            flat = np.outer(M[:, 0], M[0])  # rank 1
            lies += [
                (name, "singular", flat),
                (name, "zero", 0 * M),
                (name, "turned", M.T.copy()),
                (name, "empty", M[:0]),
                (name, "half", M / 2),
            ]
    if "signal" in arrays:
        lies += [("signal", "long", np.append(arrays["signal"], 0)), ("signal", "far", arrays["signal"] + 10)]
    for name, how, lie in lies:
        yield changed(files, f"{name} {how}", lambda f, name=name, lie=lie: f.arrays.update({name: lie}), fix=True)
    for shape in ([0], [-1], [], [1, 1, 1], [2.0], [True], ["3"], [10**9], [10**8], [3] * 50):
        yield changed(files, f"a of shape {shape}", lambda f, shape=shape: f.problem["arrays"]["a"].update(shape=shape))
    empty = {"a": np.zeros(0), "V": np.zeros((0, arrays["V"].shape[1]))}
    yield changed(files, "k = 0", lambda f: f.arrays.update(empty), fix=True)
    yield changed(files, "n = 0", lambda f: f.arrays.update(V=np.zeros((len(arrays["a"]), 0))), fix=True)


FAMILIES: dict[str, Callable[[Files], Iterator[Attempt]]] = {
    "bounds": bounds, "concluded": concluded, "spelled": spelled, "fields": fields, "obligations": obligations, "words": words, "easier": easier,
    "swapped": swapped, "witnesses": witnesses, "problems": problems,
}  # fmt: skip
