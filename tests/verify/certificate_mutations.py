"""Ways of telling a lie by a certificate, in families. Each takes an honest certificate and gives attempts that have to fail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.verify.certificate_archives import archives, arrays, names, texts
from tests.verify.certificate_files import Attempt, Files, changed, identity, pack, place
from tests.verify.certificate_numbers import bounds, concluded, spelled
from tests.verify.certificate_problems import easier, problems, swapped, witnesses
from verify import recheck

TYPES: tuple[Any, ...] = (True, 0, 7, None, [], {}, "", "x", [[]], {"a": {"a": [1]}}, [None])


#: Attempts that are no lies: what is done: (the certificates for which it is none, why it is true all the same).
NO_LIE: dict[str, tuple[tuple[str, ...], str]] = {
    "w_L_N turned": (
        ("sharp", "kernel", "W", "weighted", "truncated", "restart"),
        "N N' of the certifier's N is diagonal up to rounding, and so is L_N: it is its own transpose",
    ),
    "baseline.recovery as wonly.threshold": (
        ("kernel", "truncated"),
        "the claim is UNKNOWN: nothing is claimed under either name",
    ),
}
_ROUNDING = "R has orthonormal rows: mu I - N N' is no larger than the margin of the claim, which needs no L_N then"
NO_LIE |= {f"w_L_N {how}": (("truncated",), _ROUNDING) for how in ("zero", "larger", "tiny", "singular", "off")}


def no_lie(name: str, what: str) -> bool:
    """Whether an attempt is listed as one that changes nothing."""
    return what in NO_LIE and name in NO_LIE[what][0]


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Places of a document; of a list the first element."""
    if at:
        yield at
    children = list(value) if isinstance(value, dict) else [0] if isinstance(value, list) and value else []
    for key in children:
        yield from _paths(value[key], (*at, key))


def fields(files: Files) -> Iterator[Attempt]:
    """Every field dropped, renamed, given twice, or of another type."""
    free = {("origin",), ("environment",)}
    npz = pack(list(files.members().items()))
    for path in _paths(files.document):
        if path[:1] in free and path not in free:
            continue  # texts that mean nothing
        if isinstance(path[-1], str) and path[-1] not in ("stop",):  # a stop may be absent
            other = files.copy()
            del place(other.document, path[:-1])[path[-1]]
            yield Attempt(f"{path} dropped", json.dumps(other.document).encode(), npz)
            other = files.copy()
            here = place(other.document, path[:-1])
            here[path[-1] + "_"] = here.pop(path[-1])
            yield Attempt(f"{path} renamed", json.dumps(other.document).encode(), npz)
            other = files.copy()
            here = place(other.document, path[:-1])
            here["@@"] = here[path[-1]]
            yield Attempt(f"{path} twice", json.dumps(other.document).replace('"@@"', f'"{path[-1]}"').encode(), npz)
        old = place(files.document, path)
        for value in TYPES:
            if value == old or (path in free and isinstance(value, dict)):
                continue
            other = files.copy()
            place(other.document, path[:-1])[path[-1]] = value
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


FAMILIES: dict[str, Callable[[Files], Iterator[Attempt]]] = {
    "bounds": bounds,
    "concluded": concluded,
    "spelled": spelled,
    "fields": fields,
    "obligations": obligations,
    "words": words,
    "easier": easier,
    "swapped": swapped,
    "witnesses": witnesses,
    "problems": problems,
    "names": names,
    "arrays": arrays,
    "archives": archives,
    "texts": texts,
}
