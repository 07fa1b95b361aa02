"""A certificate in words: a short table for people, and the same as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .certificate import Certificate
from .digits import down, up
from .parts import Claim

if TYPE_CHECKING:
    from rich.console import Console

TITLES = {
    "sharp.condition": "sharp theorem, h < 1/2",
    "baseline.condition": "baseline theorem, R' Lip(R') < σ0/2",
    "dip2.amgm": "hidden activations alone",
    "wonly.threshold": "W only, data inside the image of the box",
    "recover.kernel": "distance of the signal, by the kernel",
    "baseline.recovery": "distance of the signal, A injective",
}
_COLOURS = {"PROVED": "green", "REFUTED": "red", "UNKNOWN": "yellow"}


def point(certificate: Certificate) -> str:
    """Where along the flow the stored parameters are, as the certifier says."""
    at = float(certificate.origin.get("at", "0"))
    if at == 0:
        return "the parameters as given (t = 0)"
    return f"the parameters at t = {at:.6g} of the flow"


def sentences(certificate: Certificate) -> list[str]:
    """What is proved, in sentences; or what would help."""
    proved = [c for c in certificate.claims if c.verdict == "PROVED"]
    out: list[str] = []
    conditions = [c for c in proved if "rate" in c.conclusions]
    part = certificate.subject.C is not None  # then only the part of the residual in the range of T tends to zero
    if conditions:
        best = max(conditions, key=lambda c: c.conclusions["rate"])
        given = best.conclusions
        goal = "the least possible loss" if part else "zero loss"
        meaning = "; rho is the norm of the part of the residual in the range of T" if part else ""
        out.append(
            f"Gradient flow from the stored parameters tends to {goal} ({best.statement}): "
            f"rho(t) <= {up(_rho(certificate))} exp(-{down(given['rate'])} t), t counted from there{meaning}."
        )
        lengths = [
            c.conclusions[name]
            for c in conditions
            for name in ("ell_star", "R_prime", "length")
            if name in c.conclusions
        ]
        out.append(f"The path that is left is at most {up(min(lengths))} long.")
        if best.conclusions.get("h", 0.0) > 0.45 and float(certificate.origin.get("at", "0")) > 0:
            later = float(f"{1.5 * float(certificate.origin['at']):.2g}")
            out.append(
                f"The condition only just holds here, so the rate is poor: a later point has a better one (--at {later:g})."
            )
        stops = [c for c in conditions if "stop" in c.conclusions]
        if stops:
            first = min(stops, key=lambda c: c.conclusions["stop"]["time"])
            stop = first.conclusions["stop"]
            what = "the part of the residual in the range of T" if part else "the residual"
            out.append(f"From t = {up(stop['time'])} on, counted from there, {what} is at most {up(stop['level'])}.")
    elif proved:
        out.append(
            "Gradient flow from the stored parameters tends to zero loss (wonly.threshold), at a rate that is not stated; a "
            "later point of the flow may have one (--at best)."
        )
    out += [f"Where it goes, {c.reason}." for c in proved if "limit" in c.conclusions]
    if not (conditions or certificate.verdict == "PROVED"):
        if certificate.origin.get("ended"):
            out.append(f"The run ended before a condition was met: {certificate.origin['ended']}.")
        first_help = next((c for c in certificate.claims if c.help), None)
        out.append(
            "Nothing is proved about where the flow goes; that a condition fails is no proof that it does not converge."
        )
        if first_help is not None:
            out.append(f"What would help: {first_help.help}.")
    return out


def _rho(certificate: Certificate) -> float:
    return next(item.claim for item in certificate.obligations if item.kind == "rho_0_upper")


def remark(claim: Claim) -> str:
    """One line about a claim."""
    if claim.verdict == "UNKNOWN":
        return f"{claim.reason}. To do: {claim.help}" if claim.help else claim.reason
    return claim.reason


def print_certificate(certificate: Certificate, console: Console, files: list[str], check: str) -> None:
    """The table of claims, what follows, and the files."""
    from rich.markup import escape
    from rich.table import Table

    s = certificate.subject
    trained = "both layers trained" if s.train == "both" else "only W trained"
    title = escape(str(certificate.origin.get("title") or "Certificate"))
    console.print(f"[bold]{title}[/bold]: {point(certificate)}", highlight=False)
    console.print(
        f"two-layer network, {s.activation}, n = {s.n}, k = {s.k}, {trained}; {s.m} data, rank {s.p}; {s.loss}",
        highlight=False,
    )
    table = Table(box=None, pad_edge=False, show_edge=False)
    table.add_column("claim", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("with what numbers")
    for claim in certificate.claims:
        colour = _COLOURS[claim.verdict]
        table.add_row(claim.statement, f"[{colour}]{claim.verdict}[/{colour}]", escape(remark(claim)))
    console.print(table, highlight=False)
    console.print(f"Verdict: [bold]{certificate.verdict}[/bold]", highlight=False)
    for sentence in sentences(certificate):
        console.print(sentence, highlight=False, markup=False)
    console.print(f"problem {certificate.problem_id}", highlight=False, soft_wrap=True)
    for name in files:
        console.print(f"written: {name}", highlight=False, soft_wrap=True, markup=False)
    console.print(check, highlight=False, soft_wrap=True, markup=False)


def to_json(certificate: Certificate, files: list[str], check: dict[str, Any]) -> dict[str, Any]:
    """The same as plain data, numbers as numbers (the certificate itself writes them exactly)."""
    return {
        "verdict": certificate.verdict,
        "problem_id": certificate.problem_id,
        "origin": dict(certificate.origin),
        "claims": [
            {
                "statement": c.statement, "verdict": c.verdict, "reason": c.reason, "failed": c.failed, "help": c.help,
                "conclusions": {k: dict(v) if isinstance(v, dict) else v for k, v in c.conclusions.items()},
            }
            for c in certificate.claims
        ],
        "obligations": {item.id: item.claim for item in certificate.obligations},
        "conclusion": sentences(certificate),
        "files": files,
        "check": check,
    }  # fmt: skip
