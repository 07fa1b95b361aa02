"""The check of a certificate from beginning to end, and its report."""

import hashlib
import json
import os
import time
from dataclasses import dataclass, field

from flint import ctx

from .bounds import Obligation, Outcome
from .claims import conclude, overall, read_claim
from .derived import Problem
from .files import document
from .statements import ASSUMPTIONS
from .strict import Rejected, Unreadable, keys, need

PREC = 192  # bits of the balls
_KEYS = "schema problem problem_id data witnesses obligations claims assumptions verdict origin environment"


@dataclass
class Report:
    """The result: `code` is the exit status, `reason` why the whole was rejected (empty if it was not)."""

    code: int = 1
    reason: str = ""
    verdict: str = "none"
    problem_id: str = "none"
    setting: str = "none"
    tied: str = ""
    seconds: float = 0.0
    obligations: list[Outcome] = field(default_factory=list)
    claims: list[Outcome] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything claimed is confirmed."""
        return self.code in (0, 3)


def _check(path: str, expect: str | None, data: str | None, report: Report) -> None:
    try:
        top = document(path)
        known = isinstance(top, dict) and top.get("schema") == "dipcert.certificate/1"
        need(known, "the schema is not dipcert.certificate/1")
    except (Rejected, OSError, ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from None
    # the form of the document
    keys(top, "the certificate", _KEYS)
    P = Problem(top["problem"], top["witnesses"])
    canonical = json.dumps(top["problem"], sort_keys=True, separators=(",", ":")).encode()
    report.problem_id = hashlib.sha256(canonical).hexdigest()
    need(top["problem_id"] == report.problem_id, "problem_id is not the hash of the problem")
    need(expect is None or expect == report.problem_id, f"the problem is {report.problem_id}, expected {expect}")
    need(top["assumptions"] == list(ASSUMPTIONS), "the assumptions are not those known to this checker")
    need(isinstance(top["obligations"], list) and isinstance(top["claims"], list), "obligations and claims are lists")
    need(0 < len(top["claims"]) <= 100 and len(top["obligations"]) <= 100, "there have to be 1 to 100 claims")
    need(isinstance(top["origin"], dict) and isinstance(top["environment"], dict), "origin and environment are objects")
    witnesses: set[str] = set()
    obligations = [Obligation.read(item, P, witnesses) for item in top["obligations"]]
    by_id = {item.id: item for item in obligations}
    claims = [read_claim(item) for item in top["claims"]]
    used = {use for claim in claims for use in claim["uses"]}
    need(len(by_id) == len(obligations), "two obligations have the same id")
    need(len({claim["statement"] for claim in claims}) == len(claims), "a statement is claimed twice")
    need(witnesses == set(P.witnesses), "a declared witness is used by no obligation")
    need(used == set(by_id), "an obligation is used by no claim, or missing")
    need(top["verdict"] == overall(claims), f"the verdict is {overall(claims)} by the claims")
    # the content
    P.open(P.beside(path, top["data"]))
    if data is not None:
        P.compare(data)
    setting = top["problem"]
    report.setting = f"{P.activation}, train {setting['train']}, {setting['loss']}, scale {setting['scale']}"
    arrays = "your arrays, in the setting named before" if data is not None else ""
    report.tied = "as expected" if expect is not None else arrays
    report.obligations = [item.derive(P) for item in obligations]
    outcomes = {outcome.id: outcome for outcome in report.obligations}
    report.claims = [conclude(claim, P, by_id, outcomes) for claim in claims]
    bad = [item.id for item in report.obligations + report.claims if not item.ok]
    need(not bad, f"not confirmed: {', '.join(bad)}")
    report.verdict = top["verdict"]
    report.code = 0 if report.verdict == "PROVED" else 3


def check(path: str, expect: str | None = None, data: str | None = None) -> Report:
    """Check a certificate. Nothing but KeyboardInterrupt is raised: what cannot be confirmed is a report with code 1 or 2."""
    report, started = Report(), time.time()
    try:
        with ctx.workprec(PREC):
            _check(os.fspath(path), expect, data, report)
    except Exception as error:  # whatever it is, nothing is confirmed
        report.code = 2 if isinstance(error, Unreadable) else 1
        plain = str(error) if isinstance(error, Rejected) else f"{type(error).__name__}: {error}"
        report.reason = " ".join(plain.split())[:500]
    report.seconds = time.time() - started
    return report
