"""Claims: their form, and their conclusions compared with those of the theorem."""

import hashlib
import json
from typing import Any

from flint import arb

from .bounds import Obligation, Outcome
from .derived import Problem
from .matrices import norm_of
from .statements import CONVERGENCE, STATEMENTS, TIMED
from .strict import Rejected, keys, need, number, text, texts
from .theorems import RULES


def read_claim(item: Any) -> dict[str, Any]:
    """Check the form of a claim and that its text is the one known here."""
    need(isinstance(item, dict), "a claim has to be an object")
    body = "reason failed help" if item.get("verdict") == "UNKNOWN" else "uses conclusions"
    keys(item, "a claim", "statement text text_sha256 verdict " + body)
    name, verdict = text(item["statement"], "statement"), text(item["verdict"], "verdict")
    need(name in STATEMENTS, f"unknown statement {name}")
    need(item["text"] == STATEMENTS[name], f"{name}: not the text of this statement")
    need(item["text_sha256"] == hashlib.sha256(STATEMENTS[name].encode()).hexdigest(), f"{name}: text_sha256")
    if verdict == "UNKNOWN":
        for key in body.split():
            text(item[key], f"{name}: {key}", 2000)
        return dict(item, uses=[])
    need((name, verdict) in RULES, f"{name} cannot be {verdict}")
    need(isinstance(item["conclusions"], dict), f"{name}: conclusions are an object")
    return dict(item, uses=texts(item["uses"], f"{name}: uses"))


def conclude(claim: dict[str, Any], P: Problem, known: dict[str, Obligation], outcomes: dict[str, Outcome]) -> Outcome:
    """Confirm a claim from the confirmed obligations that it uses."""
    name, verdict = claim["statement"], claim["verdict"]
    if verdict == "UNKNOWN":
        return Outcome(name, verdict, claim["failed"], "nothing is claimed", True, claim["reason"])
    found = Outcome(name, verdict, json.dumps(claim["conclusions"]), "{}", False)
    try:
        kinds, rule = RULES[name, verdict]
        wanted = P.needed(kinds)
        need(set(claim["uses"]) <= set(known), "it uses an obligation that is not there")
        used = [known[use] for use in claim["uses"]]
        need(sorted(item.kind for item in used) == sorted(wanted), f"it has to use one obligation of each of {wanted}")
        failed = [item.id for item in used if not outcomes[item.id].ok]
        need(not failed, f"not proved: {', '.join(failed)}")
        values = {item.kind.rsplit("_", 1)[0]: arb(item.claim) for item in used}
        given, level = dict(claim["conclusions"]), None
        if "stop" in given:
            need(
                verdict == "PROVED" and name in TIMED and "time" not in given, "no stop, or a second time, belongs here"
            )
            stop = keys(given.pop("stop"), "stop", "level time")
            level, given["time"] = arb(number(stop["level"], "level")), stop["time"]
            need(level > 0, "the level has to be positive")
        need("vacuous" not in given or type(given["vacuous"]) is bool, "vacuous is true or false")
        vacuous = given.pop("vacuous", None)
        bounds = {tuple(key.split()): bound for key, bound in rule(P, values, level).items() if bound is not None}
        derived = {" ".join(key): bound.str(12, radius=False) for key, bound in bounds.items()}
        found.derived = json.dumps(derived)
        keys(given, "conclusions", " ".join(what for what, _ in bounds))
        for (what, sign), bound in bounds.items():
            claimed = arb(number(given[what], what))
            need(bound <= claimed if sign == "<" else bound >= claimed, f"{what} is not proved")
        expected = None
        if "limit" in given:
            expected = (arb(number(given["limit"], "limit")) < norm_of([arb(x) for x in P.signal])) is not True
        need(vacuous is expected, f"vacuous has to be {json.dumps(expected)} (null: absent)")
        found.ok = True
    except (Rejected, ArithmeticError, ValueError, TypeError) as error:
        found.why = str(error)
    return found


def overall(claims: list[dict[str, Any]]) -> str:
    """The verdict of a certificate from those of its convergence claims."""
    found = {claim["statement"]: claim["verdict"] for claim in claims if claim["statement"] in CONVERGENCE}
    if "PROVED" in found.values():
        return "PROVED"
    if "sharp.condition" in found:
        return str(found["sharp.condition"])
    return "REFUTED" if set(found.values()) == {"REFUTED"} else "UNKNOWN"
