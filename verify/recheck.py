"""Check a convergence certificate from its raw data, with exact integers and balls, trusting no program that made it.

    python recheck.py cert.json [--expect PROBLEM_ID] [--data ORIGINAL.npz] [--json]

Exit status: 0 everything claimed is confirmed and the verdict is PROVED; 1 rejected; 2 not readable as a certificate;
3 everything claimed is confirmed, but the verdict is REFUTED or UNKNOWN; 130 interrupted.

What is trusted: this file, Python's integers, python-flint (`fmpz_mat`: exact integer matrices, `arb`: real balls that
contain the exact result), SHA-256, and the theorems of STATEMENTS, of which this file checks the hypotheses and evaluates
the conclusions. Not trusted: everything in the certificate. A witness is any matrix of doubles that makes an inequality
below true; a comparison that the balls do not decide counts as not proved; whatever is not expected is rejected.

THE PROBLEM. g(theta) = V phi(a)/sqrt(k), V of size n x k with columns v_i, stored transposed (k x n). Operator T = C R:
C (m x p, full column rank) or absent (p = m), R (p x n, full row rank) or absent (p = n). Data y. r = T g - y; with C
present r is projected orthogonally on Im T. rho = |r|, for weights w: rho = sqrt(sum w_i r_i^2/w_min) >= |r|. w_min = 1
without weights. sigma_F = smallest nonzero singular value of T, U = orthonormal basis of Im T' (= Im R'), c_V = max|U'v_i|,
c_full = max|v_i|, D = diag phi'(a), f = |phi(a)|/sqrt(k); sigma_0 = sigma_min(U'J_g), J_g the Jacobian of g in what is
trained. A signal xbar has x = s g ("scale" s), T = s A; in the coordinates of g it is xbar/s, and eps = |r| at xbar/s.

MATRICES are kept as integers times 2^q with a bound of the Frobenius norm of their error (class Fix). Witnesses are cut to
BITS below their largest entry first: the cut matrix is the witness. |X| is the spectral norm, |X|_F the Frobenius norm.
 Norm    |X|^2 <= mu + |mu I - X X' - L L'|_F for every mu, L: X X' = mu I - L L' - (mu I - X X' - L L'), and L L' >= 0.
 Shift   lambda_min(K) >= shift - |K - shift I - L L'|_F, likewise.
 Whiten  if delta = |N X X' N' - I|_F < 1 then sigma_min(X) >= sqrt(1-delta)/|N|: N is invertible, z = N'w has
         |X'z| = |X'N'w| >= sqrt(1-delta)|w| >= sqrt(1-delta)|z|/|N|. Used for X = R, C', S.
 Basis   B = N R, G = B B', delta = |G - I|_F < 1/2. U = B' G^(-1/2) is orthonormal with image Im R'; so |U'x| = |G^(-1/2) B x|
         lies between |B x|/sqrt(1+delta) and |B x|/sqrt(1-delta). R absent: B = I, delta = 0.
 Gram    S = B V D: sigma_min(U'V D) >= sigma_min(S)/sqrt(1+delta). J_g J_g' = ([both] f^2 I) + V D^2 V'/k, |u| = 1.
 Kernel  P = I - U U' has P B' = 0, so P z = P (z - B'B z) and |P z| <= |z - B'B z|; |P K Q| = |P K U| <= |P K B'|/sqrt(1-delta).
 Project W = C N_C, delta_C = |W'W - I|_F: the orthogonal projection of r on Im C has norm at most |W'r|/sqrt(1-delta_C).

OBLIGATIONS ("id" is free, "claim" a number). "+N": add the witness N if R is present; "+N_C": add N_C if C is present.
 kind                  relation  method       params         witnesses (shapes)
 sigma_F_lower         >=        identity     -              -                       (R and C absent)
                                 whitening    [mu] [mu_C]    R: N, L_N (p x p), mu; C: N_C, L_N_C (p x p), mu_C
 sigma_F_upper         <=        identity     -              -                       (R and C absent)
                                 vector       -              z_F (p), N              (C absent)
 sigma_0_lower         >=        hidden       -              -                       (both: sigma_0 >= f)
                                 shift        shift          L_sigma0 (p x p) +N     (shift: about lambda_min(S S') )
                                 whitening    mu             N_sigma0, L_N_sigma0 (p x p) +N   (N_sigma0 S S' N_sigma0' = I)
 sigma_0_upper         <=        vector       -              w_sigma0 (p) +N         (direction B'w)
 c_V_upper, c_V_lower  <= >=     projected    -              N                       (R present)
                                 columns      -              -                       (R absent)
 c_full_upper          <=        columns      -              -
 f_lower, f_upper      >= <=     balls        -              -
 rho_0_upper           <=        balls        -              +N_C
 rho_0_lower           >=        balls        -              -                       (C absent)
 B1_upper, B2_upper    <=        table        -              -
 J_norm_upper          <=        frobenius    -              -                       (|J_g(0)|)
                                 gram         mu             L_J (n x n)             (mu: about |V D|^2)
 PKQ_upper             <=        identity     -              -                       (R absent: 0)
                                 frobenius    -              N                       (|P V D^2 V' Q|/k)
                                 gram         mu             L_PKQ (p x p), N        (mu: about |Z - B'BZ|^2, Z = V D^2 V'B')
 ker_0_upper           <=        identity     -              -                       (R absent: 0)
                                 projected    -              N                       (|P(g(0) - xbar/s)|)
 eps_upper             <=        balls        -              +N_C
 T_norm_upper          <=        identity     -              -                       (R, C absent)
                                 frobenius    -              -                       (R absent)
                                 gram         mu             L_T (p x p)             (R absent; mu: about |C|^2)
 start_distance_upper  <=        balls        -              -                       (|g(0) - xbar/s|)
 V_sigma_lower         >=        shift        shift          L_V (p x p) +N          (sigma_min(U'V); train W)
                                 whitening    mu             N_V, L_N_V (p x p) +N
 gap_lower             >=        box          -              hbar (k)                (distance of hbar to the ends of phi(R))
 hbar_residual_upper   <=        balls        -              hbar (k)                (|T V hbar/sqrt(k) - y|; C absent)

CLAIMS: "uses" holds the ids of one obligation of every kind below and no others; every obligation is used by a claim.
 statement           PROVED uses                                                conclusions (direction of the claimed number)
 sharp.condition     sigma_F_lower sigma_0_lower c_V_upper rho_0_upper          h <, ell_star <, rate >, [stop {level, time <}]
                     B1_upper[both] B2_upper
 baseline.condition  the same                                                   R_prime <, rate >, [stop]
 dip2.amgm           sigma_F_lower f_lower rho_0_upper B1_upper                 s_star >, rate >, length <, [stop]
 recover.kernel      sharp's with c_full_upper for c_V_upper, and               h_full <, ell <, drift <, limit <, vacuous (bool)
                     J_norm_upper PKQ_upper ker_0_upper eps_upper
 baseline.recovery   baseline's and T_norm_upper start_distance_upper eps_upper dist <, limit <, vacuous (bool)
 wonly.threshold     sigma_F_lower V_sigma_lower gap_lower hbar_residual_upper  (none: {})
 statement           REFUTED uses                                               conclusions
 sharp.condition     sigma_F_upper sigma_0_upper c_V_lower rho_0_lower          h (claimed lower bound, >= 1/2)
 baseline.condition  the same                                                   R_prime (claimed lower bound)
 dip2.amgm           sigma_F_upper f_upper rho_0_lower                          (none: {})
An UNKNOWN claim has reason, failed, help (texts) instead of uses and conclusions. REFUTED says that the condition is false,
nothing about the flow. The verdict of a certificate: PROVED if a convergence claim (of sharp.condition, baseline.condition,
dip2.amgm, wonly.threshold) is; else that of sharp.condition if claimed; else REFUTED if all of those claimed are; else UNKNOWN.

FILES. cert.json has no floats and no NaN: numbers are strings, float.hex() (>= 0) or "p/q" or "p". sha256 of an array is that
of its bytes (<f8, C order, without the header). The npz holds exactly the members a.npy, V.npy, ... of "arrays" and
w_NAME.npy of "witnesses", uncompressed. text_sha256 is that of the text in UTF-8.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import re
import sys
import time
import zipfile
from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from operator import mul
from typing import Any

from flint import arb, ctx, fmpq, fmpz_mat

PREC, BITS = 192, 60  # bits of the balls; bits of witnesses and of S below the largest entry
JSON_LIMIT, DATA_LIMIT, SIDE_LIMIT, BLOCK = 1 << 22, 8 << 30, 10**7, 1 << 19

_SETTING = (
    "Setting: the doubles of the problem, read as exact real numbers. g(theta) = V phi(a)/sqrt(k), the trained "
    "parameters theta being (a, V) or a alone (with a = W u, |u| = 1, the flow of (V, W) or W is that of (V, a) or "
    "a). Loss L = 1/2 sum_i w_i (T g - y)_i^2, w_i > 0, all w_i = 1 for least squares, w_min the least; T = C R, or "
    "R, or C, or the identity. theta(t) is the gradient flow theta' = -grad L from the stored theta, whatever "
    "produced it. If C is present, y stands for its orthogonal projection on Im T (the flow is the same). rho(t) = "
    "sqrt(2 L/w_min) >= |T g - y|, rho_0 = rho(0); sigma_F > 0 is at most the smallest nonzero singular value of T; "
    "sigma_0 > 0 at most that of U'J_g(0), U an orthonormal basis of Im T'; |phi'| <= B1, phi' is B2-Lipschitz, c >="
    " |U'v_i| for all columns v_i of V. Lambda(c) = (B2 c + sqrt(B2^2 c^2 + 4 B1^2))/(2 sqrt k) if V is trained, B2 "
    "c/sqrt k if not. "
)
_STOP = "If a stop is stated, |T g(theta(t)) - y| <= level for every t >= time. "
_REFUTED = "REFUTED means that the condition is false, and nothing about the flow itself. "
STATEMENTS: dict[str, str] = {
    "sharp.condition": _SETTING
    + "Theorem: let h = Lambda(c) rho_0/(sigma_F sigma_0^2) < 1/2. Then the flow exists for all time, tends to a theta"
    " of zero loss, its path is at most ell_star = 2 rho_0/(sigma_F (sigma_0 + sigma_0 sqrt(1 - 2h))) long, and "
    "rho(t) <= rho_0 exp(-rate t), rate = w_min sigma_F^2 sigma_0^2 (1 - 2h). With a = rate/w_min, b = 2 sigma_F "
    "Lambda: rho(t) <= level for t >= time = max(0, ln(rho_0 (a + b level)/(level (a + b rho_0)))/rate). "
    + _STOP
    + _REFUTED,
    "baseline.condition": _SETTING
    + "Theorem: let R' = 2 rho_0/(sigma_F sigma_0) and R' Lip < sigma_0/2, Lip = Lambda(c + R') if V is trained, "
    "Lambda(c) if not. Then the flow exists for all time, stays within R' of its start, tends to a theta of zero "
    "loss, and rho(t) <= rho_0 exp(-rate t), rate = w_min sigma_F^2 sigma_0^2/4. " + _STOP + _REFUTED,
    "dip2.amgm": _SETTING
    + "Both layers are trained, f = |phi(a)|/sqrt k at the start. Theorem: let rho_0 < sigma_F sqrt(k) f^2/B1. Then "
    "the flow exists for all time and tends to a theta of zero loss; with s_star^2 = f^2 - B1 rho_0/(sigma_F sqrt "
    "k), |phi(a(t))|/sqrt k >= s_star, the path is at most rho_0/(sigma_F s_star) long, and rho(t) <= rho_0 "
    "exp(-rate t), rate = w_min sigma_F^2 s_star^2. " + _STOP + _REFUTED,
    "recover.kernel": _SETTING
    + "Let x = s g, A = T/s, xbar the signal, P the orthogonal projection on ker A, Q = I - P, K_0 = J_g(0) J_g(0)', c"
    " = max |v_i|, Lambda = Lambda(c), eps >= |y - A xbar|. Theorem: if h = Lambda rho_0/(sigma_F sigma_0^2) < 1/2, "
    "then with ell = 2 rho_0/(sigma_F (sigma_0 + sigma_0 sqrt(1 - 2h))) and drift = integral over r in [0, ell] of "
    "(|P K_0 Q| + Lambda r (2 |J_g(0)| + Lambda r))/(sigma_0 - Lambda r) (0 if A is injective), |x(t) - xbar| <= s "
    "sqrt(((rho(t) + eps)/sigma_F)^2 + (|P(g(0) - xbar/s)| + drift)^2) for all t, and the limit of x(t) is within "
    "`limit` of xbar, the same with rho = 0. `vacuous`: limit is not proved to be below |xbar|. ",
    "baseline.recovery": _SETTING
    + "Let x = s g, A = T/s injective, xbar the signal, eps >= |y - A xbar|. Theorem: if R' Lip < sigma_0/2 as in "
    "baseline.condition, the distance of xbar/s from the signals g(theta) of the ball of radius R' around the start "
    "is at most dist = max(0, |xbar/s - g(0)| - (sigma_0 R' - Lambda(c) R'^2/2)), and the limit of x(t) is within "
    "limit = s ((1 + |T|/sigma_F) dist + eps/sigma_F) of xbar. `vacuous`: limit is not proved to be below |xbar|. ",
    "wonly.threshold": _SETTING
    + "Only a is trained, T has full row rank, phi' > 0. Theorem: the loss tends to its infimum over the h of the open"
    " box phi(R)^k put in place of phi(a). Here some h of the open box has T V h/sqrt k = y exactly (a point hbar of"
    " the box at least gap from its boundary with |T V hbar/sqrt k - y| < sigma_min(T V/sqrt k) gap is given): the "
    "loss tends to zero. ",
}
TOOLKIT: dict[str, str] = {  # the same statements in the toolkit's registry
    "sharp.condition": "sharp.condition sharp.length sharp.rate sharp.logistic sharp.stop sharp.restart dip2.gram "
    "dip2.reduction dip2.modulus dip2.range_restriction",
    "baseline.condition": "baseline.condition baseline.loss_rate baseline.early_stop dip2.lipschitz dip2.range_restriction",
    "dip2.amgm": "dip2.amgm dip2.reduction dip2.gram",
    "recover.kernel": "recover.kernel sharp.condition dip2.range_restriction",
    "baseline.recovery": "baseline.recovery recover.reach baseline.condition",
    "wonly.threshold": "wonly.threshold wonly.mirror",
}
ASSUMPTIONS: tuple[str, ...] = (
    "The stored doubles are the numbers meant: they are read as exact real numbers.",
    "The network's input is a unit vector (|u| = 1): the flow of the weights is that of the pre-activations a.",
    "The statements are about gradient flow in continuous time, not about gradient descent in floating point.",
)


class Rejected(Exception):
    """What is wrong with the certificate, in one line."""


class Unreadable(Rejected):
    """The file is not a certificate at all."""


def need(condition: Any, message: str) -> None:
    """Reject unless `condition` is True (a ball comparison is True only if it is certain)."""
    if condition is not True:
        raise Rejected(message)


def two(q: int) -> Any:
    """The exact ball 2^q."""
    return arb(2) ** q


# --- numbers and JSON -------------------------------------------------------------------------------------------------
_HEX, _RATIO = re.compile(r"0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}"), re.compile(r"([0-9]{1,400})(?:/([0-9]{1,400}))?")


def number(text: Any, what: str) -> fmpq:
    """A nonnegative rational from "0x1.8p-3", "3/16" or "3"."""
    need(isinstance(text, str) and len(text) <= 801, f"{what}: a number has to be a string")
    if _HEX.fullmatch(text):
        value = float.fromhex(text)
        need(value.hex() == text, f"{what}: {text} is not a double")  # no underflow: it would be read as 0
        return fmpq(*value.as_integer_ratio())
    match = _RATIO.fullmatch(text)
    need(match is not None and int(match[2] or 1) > 0, f"{what}: {text[:40]!r} is not a nonnegative number")
    return fmpq(int(match[1]), int(match[2] or 1))  # type: ignore[index]


def text_of(value: Any, what: str, limit: int = 2000) -> str:
    """A string of bounded length."""
    need(isinstance(value, str) and len(value) <= limit, f"{what} has to be a text of at most {limit} characters")
    return str(value)


def keys(value: Any, what: str, must: str, may: str = "") -> dict[str, Any]:
    """The dictionary `value` if it has all keys of `must` and no others but those of `may`."""
    need(isinstance(value, dict), f"{what} has to be an object")
    missing, extra = set(must.split()) - set(value), set(value) - set((must + " " + may).split())
    need(not missing and not extra, f"{what}: missing keys {sorted(missing)}, unknown keys {sorted(extra)[:5]}"[:300])
    return dict(value)


def parse_json(raw: bytes) -> Any:
    """Strict JSON: no duplicate keys, no floats, no NaN, short integers."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len({key for key, _ in pairs}) == len(pairs), "duplicate key in the JSON")
        return dict(pairs)

    def refuse(token: str) -> Any:
        raise Rejected(f"the JSON holds the number {token[:20]}: numbers are strings here")

    def whole(token: str) -> int:
        need(len(token) <= 9, "the JSON holds a long integer: numbers are strings here")
        return int(token)

    return json.loads(
        raw.decode("utf-8"), object_pairs_hook=once, parse_float=refuse, parse_constant=refuse, parse_int=whole
    )


# --- arrays -----------------------------------------------------------------------------------------------------------
_HEADER = re.compile(rb"\{'descr': '<f8', 'fortran_order': False, 'shape': \(([0-9]{1,8}),(?: ([0-9]{1,8}))?\), \} *\n")


class Arrays:
    """The arrays of an npz file, checked against declared shapes and hashes before they are used."""

    def __init__(self, path: str, declared: dict[str, tuple[tuple[int, ...], str]], exact: bool = True) -> None:
        need(os.path.isfile(path), f"{os.path.basename(path)} is not a regular file")  # a pipe would block
        self.declared, self.file = declared, zipfile.ZipFile(path)
        names = [item.filename for item in self.file.infolist()]
        need(len(set(names)) == len(names), "a member occurs twice in the data file")
        wanted = {name + ".npy" for name in declared}
        need(
            wanted == set(names) if exact else wanted <= set(names),
            "the members of the data file are not those declared",
        )
        for name, (shape, _) in declared.items():
            item = self.file.getinfo(name + ".npy")
            need(
                item.compress_type == 0 and not item.flag_bits & 1,
                f"{name} is compressed or encrypted: store it plainly",
            )
            need(item.compress_size == item.file_size, f"{name} has inconsistent sizes")
            need(
                10 <= item.file_size - 8 * math.prod(shape) <= 512,
                f"{name} does not have the size of its shape {shape}",
            )
        total = sum(8 * math.prod(shape) for shape, _ in declared.values())
        need(total <= min(DATA_LIMIT, os.path.getsize(path)), "the arrays exceed the file or the limit")

    def rows(self, name: str, rows: int | None = None) -> Iterator[array[float]]:
        """The array in blocks of so many rows (all at once by default); its hash is checked at the end."""
        shape, digest = self.declared[name]
        width = math.prod(shape[1:])
        left, step, sha = math.prod(shape), width * (rows or shape[0]), hashlib.sha256()
        with self.file.open(name + ".npy") as stream:
            start = stream.read(10)
            need(len(start) == 10 and start[:8] == b"\x93NUMPY\x01\x00", f"{name} is not an array of format 1.0")
            match = _HEADER.fullmatch(stream.read(min(512, start[8] + 256 * start[9])))
            need(match is not None, f"{name}: the header is not that of a <f8 array in C order")
            found = tuple(int(side) for side in match.groups() if side is not None)  # type: ignore[union-attr]
            need(found == shape, f"{name} has the shape {found}, declared {shape}")
            while left:
                raw = stream.read(8 * min(step, left))
                need(len(raw) == 8 * min(step, left), f"{name} is cut short")
                sha.update(raw)
                values = array("d")
                values.frombytes(raw)
                if sys.byteorder == "big":
                    values.byteswap()
                left -= len(values)
                yield values
            need(stream.read(1) == b"", f"{name} is too long")
        need(sha.hexdigest() == digest, f"{name} does not have the declared SHA-256")

    def largest(self, name: str) -> float:
        """Read through the array: hash, no NaN or infinity; its largest modulus."""
        top = 0.0
        for values in self.rows(name, max(1, BLOCK // max(1, math.prod(self.declared[name][0][1:])))):
            need(all(map(math.isfinite, values)), f"{name} holds NaN or infinity")
            top = max(top, *values, -min(values))
        return top


def integers(values: array[float], q: int) -> list[int]:
    """The integers x 2^(-q) cut towards zero: off by less than 1 each (scaling is exact as long as it does not underflow)."""
    if abs(q) <= 1000:
        scale = 2.0**-q
        return [int(x * scale) for x in values]
    return [int(math.ldexp(x, -q)) for x in values]


def exponent(top: float, bits: int) -> int:
    """q with top < 2^(q + bits)."""
    return math.frexp(top)[1] - bits


@dataclass
class Fix:
    """The matrix M 2^q, at most `err` (Frobenius) from the matrix that is meant."""

    M: Any
    q: int
    err: Any

    @classmethod
    def of(cls, values: array[float], rows: int, columns: int, bits: int) -> Fix:
        """Of doubles, cut `bits` below the largest: exact if the last bit of the smallest one is kept."""
        sizes = [abs(x) for x in values if x]
        if not sizes:
            return cls(fmpz_mat(rows, columns), 0, arb(0))
        last = max(math.frexp(min(sizes))[1] - 53, -1074)
        q = max(exponent(max(sizes), bits), last)
        err = arb(0) if q <= last else arb(len(values)).sqrt().upper() * two(q)
        return cls(fmpz_mat(rows, columns, integers(values, q)), q, err)

    @cached_property
    def norm(self) -> Any:
        """|M 2^q|_F from above."""
        entries = [int(x) for x in self.M.entries()]
        return (arb(sum(map(mul, entries, entries))).sqrt() * two(self.q)).upper()

    @property
    def size(self) -> Any:
        """The Frobenius norm of the matrix that is meant, from above."""
        return (self.norm + self.err).upper()

    @property
    def T(self) -> Fix:
        """The transpose."""
        return Fix(self.M.transpose(), self.q, self.err)

    def __matmul__(self, other: Fix) -> Fix:
        # AB - A~B~ = (A - A~) B + A~ (B - B~)
        err = self.err * other.size + self.norm * other.err
        return Fix(self.M * other.M, self.q + other.q, err.upper())

    def __sub__(self, other: Fix) -> Fix:
        q = min(self.q, other.q)
        M = self.M * (1 << (self.q - q)) - other.M * (1 << (other.q - q))
        return Fix(M, q, (self.err + other.err).upper())

    def cut(self, bits: int) -> Fix:
        """Rounded so that the largest entry has so many bits."""
        entries = [int(x) for x in self.M.entries()]
        drop = max((abs(x).bit_length() for x in entries), default=0) - bits
        if drop <= 0:
            return self
        lost = sum(1 for x in entries if x & ((1 << drop) - 1))  # x >> drop is off by less than 1, or exact
        err = (self.err + arb(lost).sqrt() * two(self.q + drop)).upper()
        return Fix(fmpz_mat(self.M.nrows(), self.M.ncols(), [x >> drop for x in entries]), self.q + drop, err)


def multiple(value: fmpq, size: int) -> tuple[Fix, Any]:
    """c I and c for a dyadic c within 2^-200 (relative) above `value`, which is a parameter that nobody trusts."""
    p, d = int(value.p), int(value.q)
    q = p.bit_length() - d.bit_length() - 200
    c = -((-p << max(0, -q)) // (d << max(0, q)))
    diagonal = [0] * (size * size)
    diagonal[:: size + 1] = [c] * size
    return Fix(fmpz_mat(size, size, diagonal), q, arb(0)), arb(c) * two(q)


def spectral(X: Fix, mu: fmpq, L: Fix) -> Any:
    """|X| from above: |X|^2 <= mu + |mu I - X X' - L L'|_F, since L L' is positive semidefinite."""
    scaled, c = multiple(mu, X.M.nrows())
    return (c + (scaled - X @ X.T - L @ L.T).size).sqrt().upper()


def floor_by_shift(K: Fix, shift: fmpq, L: Fix) -> Any:
    """sqrt(lambda_min(K)) from below: K = shift I + L L' + E gives lambda_min(K) >= shift - |E|_F."""
    scaled, c = multiple(shift, K.M.nrows())
    square = c - (K - scaled - L @ L.T).size
    need(square > 0, "the shifted matrix does not prove a positive bound")
    return square.sqrt().lower()


def floor_by_whitening(gap: Fix, N: Fix, mu: fmpq, L: Fix) -> Any:
    """sigma_min(X) from below by sqrt(1 - delta)/|N|, delta = |N X X' N' - I|_F = |gap|_F (see Whiten above)."""
    delta = gap.size
    need(delta < 1, "the whitened matrix is not within 1 of the identity")
    return ((1 - delta).sqrt() / spectral(N, mu, L)).lower()


# --- activations: phi and phi' of a ball, sup|phi'|, sup|phi''|, the open interval phi(R) -----------------------------
def _sigmoid(x: Any) -> Any:
    e = (-abs(x)).exp()
    return 1 / (1 + e) if x >= 0 else e / (1 + e)


def _normal(x: Any) -> tuple[Any, Any]:
    """Distribution function and density of the standard normal law."""
    return (-x / arb(2).sqrt()).erfc() / 2, (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def _silu_peak() -> Any:
    """The root in (2, 3) of x tanh(x/2) = 2, by bisection: the left side increases."""
    low, high = arb(2), arb(3)
    for _ in range(120):
        mid = (low + high) / 2
        low, high = (mid, high) if mid * (mid / 2).tanh() < 2 else (low, mid)
    need(low * (low / 2).tanh() < 2 < high * (high / 2).tanh(), "silu")
    return low.union(high)


def _pair(name: str, x: Any) -> tuple[Any, Any]:
    """(phi(x), phi'(x)), in forms that keep their relative accuracy far out."""
    if name == "tanh":
        return x.tanh(), x.sech() ** 2
    if name == "erf":
        return x.erf(), 2 * (-x * x).exp() / arb.pi().sqrt()
    if name == "sin":
        return x.sin(), x.cos()
    if name == "identity":
        return x, arb(1)
    if name == "gelu":
        F, p = _normal(x)
        return x * F, F + x * p
    s = _sigmoid(x)
    if name == "sigmoid":
        return s, (x / 2).sech() ** 2 / 4
    if name == "softplus":
        return ((x + abs(x)) / 2) + (-abs(x)).exp().log1p(), s
    return x * s, s * (1 + x * _sigmoid(-x))  # silu


def _sup(name: str) -> tuple[Any, Any]:
    """(sup|phi'|, sup|phi''|) as balls.

    tanh: |phi''| = 2u(1 - u^2), u = |tanh| = 1/sqrt 3. erf: (4/sqrt pi)|x|e^(-x^2) at 1/sqrt 2. sigmoid = (1 + tanh(x/2))/2.
    softplus' = sigmoid. gelu'' = (2 - x^2) n(x): phi' is extremal at +-sqrt 2, phi'(-x) = 1 - phi'(x), |phi''| at 0. silu'' =
    s(x)s(-x)(2 - x tanh(x/2)): phi' is extremal at the peak x0, s(x0) = 1/2 + 1/x0, phi'(x0) = 1/2 + x0/4; |phi''| is 1/2 at 0.
    """
    one, pi, e = arb(1), arb.pi(), arb(1).exp()
    if name == "gelu":
        F, p = _normal(arb(2).sqrt())
        return F + arb(2).sqrt() * p, (2 / pi).sqrt()
    if name == "silu":
        return one / 2 + _silu_peak() / 4, one / 2
    return {
        "tanh": (one, 4 / (3 * arb(3).sqrt())),
        "erf": (2 / pi.sqrt(), 2 * arb(2).sqrt() / (pi * e).sqrt()),
        "sigmoid": (one / 4, 1 / (6 * arb(3).sqrt())),
        "softplus": (one, one / 4),
        "sin": (one, one),
        "identity": (one, arb(0)),
    }[name]


RANGE: dict[str, tuple[int | None, int | None]] = {
    "tanh": (-1, 1),
    "erf": (-1, 1),
    "sigmoid": (0, 1),
    "softplus": (0, None),
    "identity": (None, None),
}  # fmt: skip  (increasing activations: the others have no wonly.threshold)
ACTIVATIONS = (*RANGE, "sin", "gelu", "silu")


def to_integers(balls: list[Any], bits: int) -> tuple[list[int], int, Any]:
    """Integers X, q and an error: |X| < 2^bits, |x - X 2^q| <= error for every number of every ball x."""
    need(all(x.is_finite() for x in balls), "a value could not be enclosed")
    tops = [x.abs_upper() for x in balls]
    top = max((int(m.bit_length()) + int(e) for m, e in (t.man_exp() for t in tops) if m), default=0)
    q, result = max(top, -8000) - bits, []
    for x in balls:
        m, e = (int(part) for part in x.mid().man_exp())
        result.append(m << (e - q) if e >= q else m >> min(q - e, 10**5))  # off by less than 1
    return result, q, sum((x.rad() for x in balls), two(q)).upper()


# --- the problem and what is derived from it --------------------------------------------------------------------------
class Problem:
    """The declared problem and, on demand, every number of it that a bound needs (see the module's docstring)."""

    def __init__(self, declared: Any, witnesses: Any) -> None:
        top = keys(declared, "problem", "network activation train loss scale arrays")
        need(top["network"] == "two_layer", "the network has to be two_layer")
        need(
            isinstance(top["activation"], str) and top["activation"] in ACTIVATIONS,
            f"the activation has to be one of {ACTIVATIONS}",
        )
        need(top["train"] in ("both", "W"), "train has to be both or W")
        need(top["loss"] in ("least_squares", "weighted_least_squares"), "the loss has to be (weighted_)least_squares")
        self.activation, self.both, self.scale = (
            top["activation"],
            top["train"] == "both",
            number(top["scale"], "scale"),
        )
        need(self.scale > 0, "scale has to be positive")
        shapes = {
            name: self._shape(item, name)
            for name, item in keys(top["arrays"], "arrays", "a V y", "R C weights signal").items()
        }
        self.R, self.C, self.weighted = "R" in shapes, "C" in shapes, "weights" in shapes
        need(len(shapes["V"][0]) == len(shapes["y"][0]) + 1 == 2, "V has to be a matrix (k x n), y a vector")
        (self.k, self.n), (self.m,) = shapes["V"][0], shapes["y"][0]
        self.p = shapes["R"][0][0] if self.R else self.n
        sizes = {"a": (self.k,), "V": (self.k, self.n), "y": (self.m,), "R": (self.p, self.n), "C": (self.m, self.p)}
        sizes |= {"weights": (self.m,), "signal": (self.n,)}
        for name, (shape, _) in shapes.items():
            need(shape == sizes[name], f"{name} has the shape {shape}, needed {sizes[name]}")
        need(
            self.p <= self.n and self.p <= self.m and (self.C or self.p == self.m),
            "the shapes of C, R, V and y do not fit",
        )
        need(
            self.weighted == (top["loss"] == "weighted_least_squares"),
            "weights belong to the weighted loss, and only there",
        )
        need(not (self.weighted and self.C), "weights are possible only without C")
        p, n, k, m = (self.p,), (self.n,), (self.k,), (self.m,)
        matrices = (
            "N",
            "L_N",
            "N_C",
            "L_N_C",
            "L_sigma0",
            "N_sigma0",
            "L_N_sigma0",
            "L_PKQ",
            "L_T",
            "L_V",
            "N_V",
            "L_N_V",
        )
        known = dict.fromkeys(matrices, p * 2) | {"L_J": n * 2, "z_F": m, "w_sigma0": p, "hbar": k}
        need(isinstance(witnesses, dict) and set(witnesses) <= set(known), "an unknown witness is declared")
        self.witnesses = {name: self._shape(item, name) for name, item in witnesses.items()}
        for name, (shape, _) in self.witnesses.items():
            need(shape == known[name], f"the witness {name} has the shape {shape}, needed {known[name]}")
        self.declared = shapes
        self.wants: set[str] = set()
        self.fixed: dict[str, Fix] = {}

    @staticmethod
    def _shape(item: Any, name: str) -> tuple[tuple[int, ...], str]:
        keys(item, name, "shape sha256")
        shape, digest = item["shape"], item["sha256"]
        need(isinstance(shape, list) and len(shape) in (1, 2), f"{name}: a shape has one or two sides")
        need(all(type(side) is int and 1 <= side <= SIDE_LIMIT for side in shape), f"{name}: a side is out of range")
        need(isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest) is not None, f"{name}: not a SHA-256")
        return tuple(shape), digest

    def open(self, path: str) -> None:
        """Open the data file and read all of it once: hashes, finiteness, weights."""
        self.arrays = Arrays(path, self.declared | {"w_" + name: item for name, item in self.witnesses.items()})
        self.tops = {name: self.arrays.largest(name) for name in self.arrays.declared}
        if self.weighted:
            need(min(self.values("weights")) > 0, "weights have to be positive")

    # -- small arrays
    def values(self, name: str) -> array[float]:
        """All entries of an array."""
        (whole,) = self.arrays.rows(name)  # to the end, where the hash is compared
        return whole

    def fix(self, name: str, bits: int = 2 * BITS) -> Fix:
        """The array as a matrix (a vector is a column), with the error of its cut."""
        if name not in self.fixed:
            shape = self.arrays.declared[name][0]
            self.fixed[name] = Fix.of(self.values(name), shape[0], math.prod(shape[1:]), bits)
        return self.fixed[name]

    def witness(self, name: str) -> Fix:
        """A witness: the cut matrix is the witness, so there is no error."""
        found = self.fix("w_" + name, BITS)
        return Fix(found.M, found.q, arb(0))

    def near_identity(self, X: Fix) -> Fix:
        """X - I."""
        return X - multiple(fmpq(1), X.M.nrows())[0]

    @cached_property
    def w_min(self) -> Any:
        """The smallest weight, exactly."""
        return arb(min(self.values("weights"))) if self.weighted else arb(1)

    # -- Im T'
    @cached_property
    def B(self) -> Fix | None:
        """N R, rounded (error counted); None if R is absent."""
        return (self.witness("N") @ self.fix("R")).cut(80) if self.R else None

    @cached_property
    def basis_gap(self) -> Fix:
        """G - I, G = B B'."""
        assert self.B is not None
        return self.near_identity(self.B @ self.B.T)

    @cached_property
    def delta(self) -> Any:
        """|G - I|_F from above, below 1/2."""
        if not self.R:
            return arb(0)
        need(self.basis_gap.size < arb(1) / 2, "N R is not within 1/2 of orthonormal rows")
        return self.basis_gap.size

    @cached_property
    def B_norm(self) -> Any:
        """|B| <= sqrt(1 + delta)."""
        return (1 + self.delta).sqrt().upper()

    def B_times(self, X: Fix) -> Fix:
        """B X."""
        return X if self.B is None else self.B @ X

    def off(self, Z: Fix) -> Fix:
        """Z - B'B Z."""
        assert self.B is not None
        return Z - self.B.T @ (self.B @ Z)

    @cached_property
    def W(self) -> Fix:
        """C N_C."""
        return self.fix("C") @ self.witness("N_C")

    @cached_property
    def range_gap(self) -> Fix:
        """W'W - I."""
        return self.near_identity(self.W.T @ self.W)

    # -- neurons
    @cached_property
    def neurons(self) -> tuple[list[int], int, list[int], int]:
        """phi(a) and phi'(a) as integers, off by at most 2 units each: (P, qP, D, qD)."""
        pairs = [_pair(self.activation, arb(x)) for x in self.values("a")]
        (P, qP, eP), (D, qD, eD) = (to_integers([pair[i] for pair in pairs], bits) for i, bits in ((0, 100), (1, 80)))
        need(eP <= 2 * two(qP) and eD <= 2 * two(qD), "the activation could not be enclosed closely enough")
        return P, qP, D, qD

    @cached_property
    def phi_norm(self) -> Any:
        """A ball that contains |phi(a)|."""
        P, q, *_ = self.neurons
        return around(arb(sum(map(mul, P, P))).sqrt() * two(q), 2 * arb(self.k).sqrt() * two(q))

    @cached_property
    def f(self) -> Any:
        """A ball that contains |phi(a)|/sqrt(k)."""
        return self.phi_norm / arb(self.k).sqrt()

    @cached_property
    def swept(self) -> dict[str, Any]:
        """Everything that needs V, in one sweep over blocks of neurons; self.wants says what.

        Below, v is V cut 80 bits under its largest entry: off by less than u = 2^q per entry.
        """
        n, k, q = self.n, self.k, exponent(self.tops["V"], 80) if self.tops["V"] else 0
        P, qP, D, qD = self.neurons
        grams = {"VD": D} if "VD" in self.wants else {}
        grams |= {"V1": [1 << 80] * k} if "V1" in self.wants else {}
        images = {"g": P} | ({"h": self.box[0]} if "h" in self.wants else {})
        sums = {name: [0] * n for name in images}
        # flint ends the process if there is no memory: a small file must not ask for a large matrix
        need(not grams or n <= max(4096, min(16 * k, 20000)), f"an n x n matrix, n = {n}, is too large for {k} neurons")
        M = {name: fmpz_mat(n, n) for name in grams}
        largest = square = largest_B = at = 0
        B = self.B.cut(BITS) if "cV" in self.wants and self.B is not None else None
        rows, half, started = max(1, BLOCK // n), 1 << 98, time.time()
        for values in self.arrays.rows("V", rows):
            v = integers(values, q)
            count = len(v) // n
            norms = [sum(map(mul, row, row)) for row in (v[i * n : i * n + n] for i in range(count))]
            largest, square = max(largest, *norms), square + sum(norms)
            for name, weights in images.items():  # sums over neurons of phi_i v_i
                near = weights[at : at + count]
                sums[name] = [old + sum(map(mul, near, v[j::n])) for j, old in enumerate(sums[name])]
            for name, factors in grams.items():  # rows d_i v_i, rounded to 61 bits
                part = factors[at : at + count]
                S = fmpz_mat(count, n, [(x * d + half) >> 99 for i, d in enumerate(part) for x in v[i * n : i * n + n]])
                M[name] += S.transpose() * S
            if B is not None:
                Y = [int(x) for x in (fmpz_mat(count, n, [x >> 20 for x in v]) * B.M.transpose()).entries()]
                images_B = (Y[i * self.p : (i + 1) * self.p] for i in range(count))
                largest_B = max(largest_B, *(sum(map(mul, row, row)) for row in images_B))
            at += count
            if sys.stderr.isatty() and time.time() - started > 5:
                print(f"\r{at}/{k} neurons", end="\r" if at < k else "\n", file=sys.stderr)
        found: dict[str, Any] = {"q": q, "M": {}, "images": {}}
        cut, size = (arb(n * k).sqrt() * two(q)).upper(), (arb(square).sqrt() * two(q)).upper()
        for name, total in sums.items():  # V w - v w~ = (V - v) w + v (w - w~), the w_i off by at most 2 units
            qw, norm = (qP, self.phi_norm.upper()) if name == "g" else (self.box[1], self.box[2])
            err = cut * norm + size * 2 * arb(k).sqrt() * two(qw)
            found["images"][name] = Fix(fmpz_mat(n, 1, total), q + qw, err.upper())
        # |V_ij d_i - S_ij| <= half a unit + u|d_i| + 2 units |v_ij| 2^qD: in units 2^(q + qD + 99) below 1/2 + 2^-19 + 2^-18
        for name, gram in M.items():
            qS = q + (qD if name == "VD" else -80) + 99
            found["M"][name] = (Fix(gram, 2 * qS, arb(0)), (arb(0.51) * arb(n * k).sqrt() * two(qS)).upper())
        found["c_full"] = around(arb(largest).sqrt() * two(q), arb(n).sqrt() * two(q))
        if B is not None:  # |B v_i - B~ v~_i| <= |B| |v_i - v~_i| + |B - B~| |v~_i|, v~_i cut 60 bits under the largest
            slack = arb(1.01) * arb(n).sqrt() * two(q + 20)
            err = self.B_norm * slack + B.err * (found["c_full"].upper() + slack)
            found["c_B"] = around(arb(largest_B).sqrt() * two(q + 20 + B.q), err)
        return found

    def gram(self, name: str) -> tuple[Fix, Any, Any]:
        """(M, e, size): M = S S' exactly, S of size n x k within e (Frobenius) of V D (or V), |S|_F <= size."""
        M, e = self.swept["M"][name]
        trace = sum(int(M.M[i, i]) for i in range(self.n))
        return M, e, (arb(trace).sqrt() * two(M.q // 2)).upper()

    # -- residuals
    def misfit(self, x: Fix, divide: Any) -> tuple[list[Any], Any]:
        """(entries of T x/divide - y for the matrix kept, bound of the distance to the truth); divide an exact ball."""
        z = self.fix("R") @ x if self.R else x
        z = self.fix("C") @ z if self.C else z
        factor = two(z.q) / divide
        entries = [arb(int(t)) * factor - arb(y) for t, y in zip(z.M.entries(), self.values("y"), strict=True)]
        return entries, (z.err / divide).upper()

    def length(self, entries: list[Any], err: Any) -> Any:
        """Ball for the norm of a misfit; with C present an upper bound of that of its projection on Im C."""
        if not self.C:
            return around(norm_of(entries), err)
        gap = self.range_gap.size
        need(gap < arb(1) / 2, "C N_C is not within 1/2 of orthonormal columns")
        # |Pi r| = |(W'W)^(-1/2) W'r| <= |W'r|/sqrt(1 - gap); |W| <= sqrt(1 + gap)
        X, q, each = to_integers(entries, 120)
        r = Fix(fmpz_mat(len(X), 1, X), q, (each * arb(len(X)).sqrt()).upper())
        inner = (self.W.T @ r).size + (1 + gap).sqrt() * err
        return (inner / (1 - gap).sqrt()).upper()

    @cached_property
    def rho(self) -> Any:
        """Ball for (C absent), or upper bound of (C present), rho_0."""
        entries, err = self.misfit(self.swept["images"]["g"], arb(self.k).sqrt())
        if not self.weighted:
            return self.length(entries, err)
        weights = self.values("weights")
        total = norm_of([(arb(w) / self.w_min).sqrt() * r for w, r in zip(weights, entries, strict=True)])
        return around(total, err * (arb(max(weights)) / self.w_min).sqrt())

    @cached_property
    def start_error(self) -> tuple[list[Any], Any]:
        """g(0) - xbar/s: entries and error."""
        g, root = self.swept["images"]["g"], arb(self.k).sqrt()
        signal = zip(g.M.entries(), self.signal, strict=True)
        return [arb(int(t)) * two(g.q) / root - arb(x) / arb(self.scale) for t, x in signal], (g.err / root).upper()

    @cached_property
    def signal(self) -> array[float]:
        """The signal xbar."""
        need("signal" in self.declared, "the problem has no signal")
        return self.values("signal")

    @cached_property
    def box(self) -> tuple[list[int], int, Any, Any]:
        """The witness hbar, cut: (integers, exponent, norm from above, distance from the ends of phi(R))."""
        need(self.activation in RANGE and not self.both and not self.C, "needs train W, C absent and phi' > 0")
        top = self.tops["w_hbar"]
        q = exponent(top, 100) if top else 0
        h = integers(self.values("w_hbar"), q)
        low, high = RANGE[self.activation]
        gaps = [] if low is None else [arb(min(h)) * two(q) - low]
        gaps += [] if high is None else [high - arb(max(h)) * two(q)]
        gap = two(1000) if not gaps else gaps[0] if len(gaps) == 1 or gaps[0] < gaps[1] else gaps[1]
        return h, q, (arb(sum(map(mul, h, h))).sqrt() * two(q)).upper(), gap


def around(mid: Any, radius: Any) -> Any:
    """The ball of numbers within `radius` of a number in `mid`."""
    reach = arb(0, 1) * radius.upper()
    return mid + reach


def norm_of(entries: list[Any]) -> Any:
    """Ball for the Euclidean norm of balls."""
    return sum((x * x for x in entries), arb(0)).sqrt()


# --- obligations: what each bound needs and how it is derived ---------------------------------------------------------
def _sigma_F(P: Problem, q: dict[str, fmpq]) -> Any:
    """sigma+_min(C R) >= sigma_min(C) sigma_min(R): C has full column rank, R full row rank (both by whitening)."""
    bound = arb(1)
    if P.R:
        need(P.delta < 1, "R is not whitened")
        bound *= floor_by_whitening(P.basis_gap, P.witness("N"), q["mu"], P.witness("L_N"))
    if P.C:
        N = P.witness("N_C")  # |N_C w| is bounded through |N_C'| = |N_C|
        bound *= floor_by_whitening(P.range_gap, N, q["mu_C"], P.witness("L_N_C"))
    return bound.lower()


def _sigma_F_above(P: Problem, q: dict[str, fmpq]) -> Any:
    """R has full row rank since delta < 1 (N): then sigma_F = min |R'z|/|z| over all z."""
    need(P.delta < 1, "the rank of R is not established")
    z = P.witness("z_F")
    return ((P.fix("R").T @ z).size / lower_norm(z)).upper()


def _gram_floor(P: Problem, q: dict[str, fmpq], name: str, tag: str) -> Any:
    """sigma_min(U'X) >= (sigma_min(S) - |B X - S|_F)/sqrt(1 + delta), X = V D or V; S S' = K exactly, S = B~ S0.

    |B X - B~ S0| <= |B| |X - S0| + |B - B~| |S0|.
    """
    M, e, size = P.gram(name)
    K, miss = M, e
    if P.B is not None:
        exact = Fix(P.B.M, P.B.q, arb(0))
        K, miss = exact @ M @ exact.T, P.B_norm * e + P.B.err * size
    if "shift" in q:
        low = floor_by_shift(K, q["shift"], P.witness("L_" + tag))
    else:
        N = P.witness("N_" + tag)
        low = floor_by_whitening(P.near_identity(N @ K @ N.T), N, q["mu"], P.witness("L_N_" + tag))
    need(low > miss, "the error of the rounding exceeds the smallest singular value")
    return ((low - miss) / (1 + P.delta).sqrt()).lower()


def _sigma_0(P: Problem, q: dict[str, fmpq]) -> Any:
    """sigma_0^2 = ([both] f^2) + sigma_min(U'V D)^2/k."""
    square = _gram_floor(P, q, "VD", "sigma0") ** 2 / P.k
    return (square + positive(P.f) ** 2 if P.both else square).sqrt().lower()


def _sigma_0_above(P: Problem, q: dict[str, fmpq]) -> Any:
    """sigma_0 <= |J_g'x|/|x| for x = B'w in Im T': |J_g'x|^2 = ([both] f^2 |x|^2) + |D V'x|^2/k; |D V'x| <= |S'x| + e|x|."""
    M, e, _ = P.gram("VD")
    w = P.witness("w_sigma0")
    x = w if P.B is None else P.B.T @ w
    quadratic = (x.T @ M @ x).size  # |S'x|^2
    low = lower_norm(x)
    ratio = (quadratic.sqrt() / low + e * x.size / low) ** 2 / P.k
    return (ratio + P.f * P.f if P.both else ratio).sqrt().upper()


def _c_V(P: Problem, q: dict[str, fmpq]) -> Any:
    """Ball from |B v|/sqrt(1 + delta) to |B v|/sqrt(1 - delta), v the column with the longest B v (see Basis)."""
    if not P.R:
        return P.swept["c_full"]
    c = P.swept["c_B"]
    return (c / (1 + P.delta).sqrt()).union(c / (1 - P.delta).sqrt())


def _J_norm(P: Problem, q: dict[str, fmpq]) -> Any:
    """|J_g(0)|^2 = ([both] f^2) + |V D|^2/k, |V D| <= |S| + e, |S| <= |S|_F or by mu and L (S S' = M)."""
    M, e, size = P.gram("VD")
    if "mu" in q:
        scaled, c = multiple(q["mu"], P.n)
        L = P.witness("L_J")
        size = (c + (scaled - M - L @ L.T).size).sqrt()
    square = (size + e) ** 2 / P.k
    return (square + P.f * P.f if P.both else square).sqrt().upper()


def _PKQ(P: Problem, q: dict[str, fmpq]) -> Any:
    """|P K_0 Q| <= |P Z|/(k sqrt(1 - delta)), Z = V D^2 V'B' (f^2 I drops out: P Q = 0); |P Z| <= |Z - B'B Z|.

    S S' = M is off V D^2 V' by at most (2|S| + e) e, since X X' - S S' = (X - S) X' + S (X - S)'.
    """
    M, e, size = P.gram("VD")
    assert P.B is not None
    moved = Fix(M.M, M.q, ((2 * size + e) * e).upper())
    Z = moved @ P.B.T
    X = P.off(Z).T
    outside = spectral(X, q["mu"], P.witness("L_PKQ")) if "mu" in q else X.size
    return (outside / P.k / (1 - P.delta).sqrt()).upper()


def _ker_0(P: Problem, q: dict[str, fmpq]) -> Any:
    """|P z| <= |z - B'B z|, z = g(0) - xbar/s; what z is off by is projected too."""
    entries, err = P.start_error
    X, at, each = to_integers(entries, 120)
    z = Fix(fmpz_mat(P.n, 1, X), at, (each * arb(P.n).sqrt()).upper())
    return (P.off(z).size + err).upper()


def _eps(P: Problem, q: dict[str, fmpq]) -> Any:
    """|T xbar/s - y| (projected on Im T if C is present)."""
    P.signal  # noqa: B018  (it has to exist)
    return P.length(*P.misfit(P.fix("signal"), arb(P.scale)))


def _T_norm(P: Problem, q: dict[str, fmpq]) -> Any:
    """|C| (R absent): Frobenius, or by mu and L for C'C."""
    C = P.fix("C")
    return spectral(C.T, q["mu"], P.witness("L_T")) if "mu" in q else C.size


def _hbar(P: Problem, q: dict[str, fmpq]) -> Any:
    """|T V hbar/sqrt(k) - y|."""
    need(P.box[3] > 0, "hbar is not inside the box")
    return P.length(*P.misfit(P.swept["images"]["h"], arb(P.k).sqrt()))


def lower_norm(x: Fix) -> Any:
    """|x| from below (positive)."""
    entries = [int(t) for t in x.M.entries()]
    low = (arb(sum(map(mul, entries, entries))).sqrt() * two(x.q) - x.err).lower()
    need(low > 0, "a witness vector is zero")
    return low


def positive(x: Any) -> Any:
    """The lower end of a ball that contains a nonnegative number, at least 0."""
    low = x.lower()
    return low if low > 0 else arb(0)


# (kind, method): (what has to be present (!: absent), parameters, witnesses, what the sweep has to collect, the bound).
# "mu?R" and "N?R" are needed only if R is present. A lower bound is the lower end of what the function returns.
Bound = tuple[str, str, str, str, Callable[[Problem, dict[str, fmpq]], Any]]
BOUNDS: dict[tuple[str, str], Bound] = {
    ("sigma_F_lower", "identity"): ("!R !C", "", "", "", lambda P, q: arb(1)),
    ("sigma_F_lower", "whitening"): ("", "mu?R mu_C?C", "N?R L_N?R N_C?C L_N_C?C", "", _sigma_F),
    ("sigma_F_upper", "identity"): ("!R !C", "", "", "", lambda P, q: arb(1)),
    ("sigma_F_upper", "vector"): ("R !C", "", "z_F N", "", _sigma_F_above),
    ("sigma_0_lower", "hidden"): ("both", "", "", "", lambda P, q: P.f),
    ("sigma_0_lower", "shift"): ("", "shift", "L_sigma0 N?R", "VD", _sigma_0),
    ("sigma_0_lower", "whitening"): ("", "mu", "N_sigma0 L_N_sigma0 N?R", "VD", _sigma_0),
    ("sigma_0_upper", "vector"): ("", "", "w_sigma0 N?R", "VD", _sigma_0_above),
    ("c_V_upper", "projected"): ("R", "", "N", "cV", _c_V),
    ("c_V_lower", "projected"): ("R", "", "N", "cV", _c_V),
    ("c_V_upper", "columns"): ("!R", "", "", "", _c_V),
    ("c_V_lower", "columns"): ("!R", "", "", "", _c_V),
    ("c_full_upper", "columns"): ("", "", "", "", lambda P, q: P.swept["c_full"]),
    ("f_lower", "balls"): ("", "", "", "", lambda P, q: P.f),
    ("f_upper", "balls"): ("", "", "", "", lambda P, q: P.f),
    ("rho_0_upper", "balls"): ("", "", "N_C?C", "", lambda P, q: P.rho),
    ("rho_0_lower", "balls"): ("!C", "", "", "", lambda P, q: P.rho),
    ("B1_upper", "table"): ("", "", "", "", lambda P, q: _sup(P.activation)[0]),
    ("B2_upper", "table"): ("", "", "", "", lambda P, q: _sup(P.activation)[1]),
    ("J_norm_upper", "frobenius"): ("", "", "", "VD", _J_norm),
    ("J_norm_upper", "gram"): ("", "mu", "L_J", "VD", _J_norm),
    ("PKQ_upper", "identity"): ("!R", "", "", "", lambda P, q: arb(0)),
    ("PKQ_upper", "frobenius"): ("R", "", "N", "VD", _PKQ),
    ("PKQ_upper", "gram"): ("R", "mu", "L_PKQ N", "VD", _PKQ),
    ("ker_0_upper", "identity"): ("!R signal", "", "", "", lambda P, q: arb(0)),
    ("ker_0_upper", "projected"): ("R signal", "", "N", "", _ker_0),
    ("eps_upper", "balls"): ("signal", "", "N_C?C", "", _eps),
    ("T_norm_upper", "identity"): ("!R !C", "", "", "", lambda P, q: arb(1)),
    ("T_norm_upper", "frobenius"): ("!R C", "", "", "", _T_norm),
    ("T_norm_upper", "gram"): ("!R C", "mu", "L_T", "", _T_norm),
    ("start_distance_upper", "balls"): (
        "signal",
        "",
        "",
        "",
        lambda P, q: around(norm_of(P.start_error[0]), P.start_error[1]),
    ),
    ("V_sigma_lower", "shift"): ("!both !C", "shift", "L_V N?R", "V1", lambda P, q: _gram_floor(P, q, "V1", "V")),
    ("V_sigma_lower", "whitening"): (
        "!both !C",
        "mu",
        "N_V L_N_V N?R",
        "V1",
        lambda P, q: _gram_floor(P, q, "V1", "V"),
    ),
    ("gap_lower", "box"): ("!both !C", "", "hbar", "", lambda P, q: P.box[3]),
    ("hbar_residual_upper", "balls"): ("!both !C", "", "hbar", "h", _hbar),
}


@dataclass
class Outcome:
    """An obligation or a claim: what the file says, what was derived, and whether it is confirmed."""

    id: str
    kind: str
    claim: str
    derived: str
    ok: bool
    why: str = ""


@dataclass
class Obligation:
    """A declared bound, its form checked but not yet its content."""

    id: str
    kind: str
    method: str
    claim: fmpq
    text: str
    params: dict[str, fmpq]

    @classmethod
    def read(cls, item: Any, P: Problem, used: set[str]) -> Obligation:
        """Check the form; tells P what its sweep has to collect and adds the witnesses to `used`."""
        item = keys(item, "an obligation", "id kind relation claim method params witnesses")
        name, kind, method = (text_of(item[key], key, 80) for key in ("id", "kind", "method"))
        need(re.fullmatch(r"[A-Za-z0-9_.-]+", name) is not None, "an id has to consist of letters, digits and . _ -")
        need((kind, method) in BOUNDS, f"{name}: unknown kind or method {kind}/{method}")
        has = {"R": P.R, "C": P.C, "both": P.both, "signal": "signal" in P.declared}
        present, params, witnesses, wants, _ = BOUNDS[kind, method]
        for word in present.split():
            need(
                has[word.lstrip("!")] != word.startswith("!"),
                f"{name}: {kind}/{method} does not fit this problem ({word})",
            )
        need(item["relation"] == (">=" if kind.endswith("lower") else "<="), f"{name}: wrong relation")
        pick = [
            [word.split("?")[0] for word in part.split() if "?" not in word or has[word[-1]]]
            for part in (params, witnesses)
        ]
        given = keys(item["params"], f"{name}: params", " ".join(pick[0]))
        need(
            isinstance(item["witnesses"], list) and all(isinstance(w, str) for w in item["witnesses"]),
            f"{name}: witnesses",
        )
        need(sorted(item["witnesses"]) == sorted(pick[1]), f"{name}: the witnesses have to be {pick[1]}")
        need(set(pick[1]) <= set(P.witnesses), f"{name}: a witness is not declared")
        used.update(pick[1])
        P.wants.update(wants.split())
        values = {key: number(value, f"{name}: {key}") for key, value in given.items()}
        return cls(name, kind, method, number(item["claim"], name), item["claim"], values)

    def derive(self, P: Problem) -> Outcome:
        """Derive the bound from the data and compare: >= needs derived lower end >= claim, <= the upper end <= claim."""
        derived = "none"
        try:
            bound = BOUNDS[self.kind, self.method][-1](P, self.params)
            lower = self.kind.endswith("lower")
            bound = positive(bound) if lower else bound.upper()
            derived, claim = bound.str(17, radius=False), arb(self.claim)
            need(bound >= claim if lower else bound <= claim, "the claim is not proved")
            return Outcome(self.id, self.kind, self.text, derived, True)
        except (Rejected, ArithmeticError, ValueError) as error:
            return Outcome(self.id, self.kind, self.text, derived, False, str(error))


# --- claims: conclusions from the claimed values of the obligations alone ---------------------------------------------
def _slope(P: Problem, v: dict[str, Any], c: Any) -> Any:
    """Lambda(c): sqrt(k) Lambda is the larger root of x^2 - B2 c x - B1^2 (both), or B2 c (W); increasing in all."""
    X = v["B2"] * c
    return ((X + (X * X + 4 * v["B1"] ** 2).sqrt()) / 2 if P.both else X) / arb(P.k).sqrt()


def _stop_time(v: dict[str, Any], a: Any, b: Any, w_min: Any, level: Any) -> Any:
    """rho' <= -w_min (a + b rho) rho: rho <= level from (1/(a w_min)) ln(rho_0 (a + b level)/(level (a + b rho_0))) on."""
    if level is None:
        return None
    if v["rho_0"] <= level:
        return arb(0)
    return (v["rho_0"] * (a + b * level) / (level * (a + b * v["rho_0"]))).log() / (a * w_min)


def _kantorovich(P: Problem, v: dict[str, Any], c: Any) -> tuple[Any, Any, Any, Any]:
    """(Lambda, h, ell_star, sigma_0 sqrt(1 - 2h)) ; ell_star without cancellation."""
    Lam = _slope(P, v, c)
    h = Lam * v["rho_0"] / (v["sigma_F"] * v["sigma_0"] ** 2)
    need(h < arb(1) / 2, "the condition h < 1/2 is not proved")
    end = v["sigma_0"] * (1 - 2 * h).sqrt()
    return Lam, h, 2 * v["rho_0"] / (v["sigma_F"] * (v["sigma_0"] + end)), end


Values = dict[str, Any]


def _sharp(P: Problem, v: Values, level: Any) -> Values:
    Lam, h, ell, end = _kantorovich(P, v, v["c_V"])
    a = v["sigma_F"] ** 2 * end**2
    stop = _stop_time(v, a, 2 * v["sigma_F"] * Lam, P.w_min, level)
    return {"h <": h, "ell_star <": ell, "rate >": a * P.w_min, "time <": stop}


def _baseline_radius(P: Problem, v: Values) -> Any:
    """R' = 2 rho_0/(sigma_F sigma_0), if R' Lip(R') < sigma_0/2."""
    radius = 2 * v["rho_0"] / (v["sigma_F"] * v["sigma_0"])
    Lip = _slope(P, v, v["c_V"] + radius if P.both else v["c_V"])
    need(radius * Lip < v["sigma_0"] / 2, "the condition R' Lip(R') < sigma_0/2 is not proved")
    return radius


def _baseline(P: Problem, v: Values, level: Any) -> Values:
    radius, a = _baseline_radius(P, v), v["sigma_F"] ** 2 * v["sigma_0"] ** 2 / 4
    return {"R_prime <": radius, "rate >": a * P.w_min, "time <": _stop_time(v, a, arb(0), P.w_min, level)}


def _amgm(P: Problem, v: Values, level: Any) -> Values:
    need(P.both, "the theorem is about training both layers")
    square = v["f"] ** 2 - v["B1"] * v["rho_0"] / (v["sigma_F"] * arb(P.k).sqrt())
    need(square > 0, "the condition rho_0 < sigma_F sqrt(k) f^2/B1 is not proved")
    s_star, a = square.sqrt(), v["sigma_F"] ** 2 * square
    stop = _stop_time(v, a, arb(0), P.w_min, level)
    return {"s_star >": s_star, "rate >": a * P.w_min, "length <": v["rho_0"] / (v["sigma_F"] * s_star), "time <": stop}


def _drift(v: Values, Lam: Any, ell: Any) -> Any:
    """Integral over [0, ell] of (K + Lam r (2J + Lam r))/(s - Lam r): the primitive, or ell times its largest value (at ell).

    With z = Lam r: (K + z (2J + z))/(s - z) = (K + 2 J s + s^2)/(s - z) - (2J + s) - z.
    """
    K, J, s, z = v["PKQ"], v["J_norm"], v["sigma_0"], Lam * ell
    coarse = (ell * (K + z * (2 * J + z)) / (s - z)).upper()
    exact = (
        (-(K + 2 * J * s + s * s) / Lam * (1 - z / s).log() - (2 * J + s) * ell - z * ell / 2).upper()
        if Lam > 0
        else coarse
    )
    return exact if exact < coarse else coarse


def _kernel(P: Problem, v: Values, level: Any) -> Values:
    Lam, h, ell, _ = _kantorovich(P, v, v["c_full"])
    drift = _drift(v, Lam, ell) if P.R else arb(0)  # P = 0 without R
    limit = arb(P.scale) * ((v["eps"] / v["sigma_F"]) ** 2 + (v["ker_0"] + drift) ** 2).sqrt()
    return {"h_full <": h, "ell <": ell, "drift <": drift, "limit <": limit}


def _recovery(P: Problem, v: Values, level: Any) -> Values:
    """Within R' the signals fill the ball of radius sigma_0 R' - Lambda R'^2/2 around g(0); |T z| >= sigma_F |z|."""
    need(not P.R, "the theorem needs an injective operator (R absent)")
    radius = _baseline_radius(P, v)
    dist = v["start_distance"] - (v["sigma_0"] * radius - _slope(P, v, v["c_V"]) * radius**2 / 2)
    dist = positive(dist.upper())
    limit = arb(P.scale) * ((1 + v["T_norm"] / v["sigma_F"]) * dist + v["eps"] / v["sigma_F"])
    return {"dist <": dist, "limit <": limit}


def _threshold(P: Problem, v: Values, level: Any) -> Values:
    """T V d/sqrt k = y - T V hbar/sqrt k has a solution |d| <= |y - ...|/sigma_min(T V/sqrt k) < gap: hbar + d is in the box."""
    smallest = v["sigma_F"] * v["V_sigma"] / arb(P.k).sqrt()
    need(v["hbar_residual"] < smallest * v["gap"], "no point of the open box is proved to fit y")
    return {}


def _exact(P: Problem, v: Values) -> Values:
    """The values with the exact B1 and B2."""
    B1, B2 = _sup(P.activation)
    return v | {"B1": B1, "B2": B2}


def _not_sharp(P: Problem, v: Values, level: Any) -> Values:
    v = _exact(P, v)
    h = _slope(P, v, v["c_V"]) * v["rho_0"] / (v["sigma_F"] * v["sigma_0"] ** 2)
    need(h >= arb(1) / 2, "h >= 1/2 is not proved")
    return {"h >": h}


def _not_baseline(P: Problem, v: Values, level: Any) -> Values:
    v = _exact(P, v)
    radius = 2 * v["rho_0"] / (v["sigma_F"] * v["sigma_0"])
    Lip = _slope(P, v, v["c_V"] + radius if P.both else v["c_V"])
    need(radius * Lip >= v["sigma_0"] / 2, "R' Lip(R') >= sigma_0/2 is not proved")
    return {"R_prime >": radius}


def _not_amgm(P: Problem, v: Values, level: Any) -> Values:
    need(P.both, "the theorem is about training both layers")
    v = _exact(P, v)
    need(
        v["rho_0"] * v["B1"] >= v["sigma_F"] * arb(P.k).sqrt() * v["f"] ** 2,
        "rho_0 >= sigma_F sqrt(k) f^2/B1 is not proved",
    )
    return {}


_BASE = "sigma_F_lower sigma_0_lower c_V_upper rho_0_upper B1_upper?both B2_upper"
_BACK = "sigma_F_upper sigma_0_upper c_V_lower rho_0_lower"
_FAR = _BASE.replace("c_V_upper", "c_full_upper")
Rule = tuple[str, Callable[[Problem, Values, Any], Values]]
RULES: dict[tuple[str, str], Rule] = {
    ("sharp.condition", "PROVED"): (_BASE, _sharp),
    ("baseline.condition", "PROVED"): (_BASE, _baseline),
    ("dip2.amgm", "PROVED"): ("sigma_F_lower f_lower rho_0_upper B1_upper", _amgm),
    ("recover.kernel", "PROVED"): (_FAR + " J_norm_upper PKQ_upper ker_0_upper eps_upper", _kernel),
    ("baseline.recovery", "PROVED"): (_BASE + " T_norm_upper start_distance_upper eps_upper", _recovery),
    ("wonly.threshold", "PROVED"): ("sigma_F_lower V_sigma_lower gap_lower hbar_residual_upper", _threshold),
    ("sharp.condition", "REFUTED"): (_BACK, _not_sharp),
    ("baseline.condition", "REFUTED"): (_BACK, _not_baseline),
    ("dip2.amgm", "REFUTED"): ("sigma_F_upper f_upper rho_0_lower", _not_amgm),
}
CONVERGENCE = ("sharp.condition", "baseline.condition", "dip2.amgm", "wonly.threshold")


def read_claim(item: Any) -> dict[str, Any]:
    """Check the form of a claim and that its text is the one known here."""
    need(isinstance(item, dict), "a claim has to be an object")
    head = "statement text text_sha256 verdict "
    body = "reason failed help" if item.get("verdict") == "UNKNOWN" else "uses conclusions"
    keys(item, "a claim", head + body)
    name, verdict = text_of(item["statement"], "statement", 80), text_of(item["verdict"], "verdict", 80)
    need(name in STATEMENTS, f"unknown statement {name}")
    need(item["text"] == STATEMENTS[name], f"{name}: not the text of this statement")
    need(item["text_sha256"] == hashlib.sha256(STATEMENTS[name].encode()).hexdigest(), f"{name}: text_sha256")
    if verdict == "UNKNOWN":
        for key in body.split():
            text_of(item[key], f"{name}: {key}")
        return dict(item, uses=[])
    need((name, verdict) in RULES, f"{name} cannot be {verdict}")
    need(isinstance(item["conclusions"], dict), f"{name}: conclusions are an object")
    need(isinstance(item["uses"], list) and all(isinstance(use, str) for use in item["uses"]), f"{name}: uses")
    return dict(item)


def conclude(
    claim: dict[str, Any], P: Problem, obligations: dict[str, Obligation], outcomes: dict[str, Outcome]
) -> Outcome:
    """Confirm a claim from the confirmed obligations that it uses."""
    name, verdict = claim["statement"], claim["verdict"]
    if verdict == "UNKNOWN":
        return Outcome(name, verdict, claim["failed"], "nothing is claimed", True, claim["reason"])
    derived: dict[str, str] = {}
    try:
        kinds, rule = RULES[name, verdict]
        wanted = [kind.split("?")[0] for kind in kinds.split() if P.both or "?" not in kind]
        need(set(claim["uses"]) <= set(obligations), "it uses an obligation that is not there")
        used = [obligations[use] for use in claim["uses"]]
        need(sorted(item.kind for item in used) == sorted(wanted), f"it has to use one obligation of each of {wanted}")
        failed = [item.id for item in used if not outcomes[item.id].ok]
        need(not failed, f"not proved: {', '.join(failed)}")
        values = {item.kind.rsplit("_", 1)[0]: arb(item.claim) for item in used}
        given, level = dict(claim["conclusions"]), None
        if "stop" in given:
            need(verdict == "PROVED" and name in CONVERGENCE[:3], "no stop belongs here")
            stop = keys(given.pop("stop"), "stop", "level time")
            level, given["time"] = arb(number(stop["level"], "level")), stop["time"]
            need(level > 0, "the level has to be positive")
        vacuous = given.pop("vacuous", None)
        found = {key: bound for key, bound in rule(P, values, level).items() if bound is not None}
        derived = {key: bound.str(12, radius=False) for key, bound in found.items()}
        keys(given, "conclusions", " ".join(key.split()[0] for key in found))
        for key, bound in found.items():
            what, sign = key.split()
            claimed = arb(number(given[what], what))
            need(bound <= claimed if sign == "<" else bound >= claimed, f"{what} is not proved")
        if "limit <" in found:
            useful = arb(number(given["limit"], "limit")) < norm_of([arb(x) for x in P.signal])
            need(vacuous is (not useful), f"vacuous has to be {not useful}".lower())
        else:
            need(vacuous is None, "vacuous does not belong here")
        return Outcome(name, verdict, json.dumps(claim["conclusions"]), json.dumps(derived), True)
    except (Rejected, ArithmeticError, ValueError, TypeError) as error:
        return Outcome(name, verdict, json.dumps(claim["conclusions"]), json.dumps(derived), False, str(error))


def overall(claims: list[dict[str, Any]]) -> str:
    """The verdict of a certificate from those of its convergence claims."""
    found = {claim["statement"]: claim["verdict"] for claim in claims if claim["statement"] in CONVERGENCE}
    if "PROVED" in found.values():
        return "PROVED"
    if "sharp.condition" in found:
        return str(found["sharp.condition"])
    return "REFUTED" if found and set(found.values()) == {"REFUTED"} else "UNKNOWN"


# --- the check --------------------------------------------------------------------------------------------------------
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
        need(os.path.isfile(path), f"{os.path.basename(path)} is not a file")  # a pipe would block
        with open(path, "rb") as stream:
            raw = stream.read(JSON_LIMIT + 1)
        need(len(raw) <= JSON_LIMIT, "the file is too long")
        top = parse_json(raw)
        need(
            isinstance(top, dict) and top.get("schema") == "dipcert.certificate/1",
            "the schema is not dipcert.certificate/1",
        )
    except (Rejected, OSError, ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from None
    names = "schema problem problem_id data witnesses obligations claims assumptions verdict origin environment"
    top = keys(top, "the certificate", names)
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
    need(len(by_id) == len(obligations), "two obligations have the same id")
    need(len({claim["statement"] for claim in claims}) == len(claims), "a statement is claimed twice")
    need(witnesses == set(P.witnesses), "a declared witness is used by no obligation")
    need(
        {use for claim in claims for use in claim["uses"]} == set(by_id),
        "an obligation is used by no claim, or missing",
    )
    need(top["verdict"] == overall(claims), f"the verdict is {overall(claims)} by the claims")
    name = top["data"]
    plain = isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.npz", name) is not None
    need(plain, "data has to be a plain file name that ends in .npz")
    P.open(os.path.join(os.path.dirname(os.path.abspath(path)), name))
    if data is not None:
        original = Arrays(data, P.declared, exact=False)
        others = {f"{key}.npy" for key in ("R", "C", "weights", "signal")} - {f"{key}.npy" for key in P.declared}
        need(not others & set(original.file.namelist()), "the original problem has arrays that the certificate lacks")
        for key in P.declared:
            original.largest(key)
    report.setting = (
        f"{P.activation}, train {top['problem']['train']}, {top['problem']['loss']}, scale {top['problem']['scale']}"
    )
    report.tied = (
        "as expected" if expect is not None else "" if data is None else "your arrays, in the setting named before"
    )
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


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Check a convergence certificate (see the top of this file).")
    parser.add_argument("certificate")
    parser.add_argument("--expect", metavar="ID", help="the problem id that the certificate has to be about")
    parser.add_argument(
        "--data", metavar="NPZ", help="your own arrays (a, V as k x n, y, ...): they have to be the same bits"
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    try:
        report = check(options.certificate, options.expect, options.data)
    except KeyboardInterrupt:
        print("interrupted: nothing is confirmed", file=sys.stderr)
        return 130
    lines = [json.dumps(asdict(report) | {"ok": report.ok}, indent=1)] if options.json else describe(report)
    try:  # what the file says is printed without control characters
        print(
            "\n".join(line if options.json else "".join(c if " " <= c <= "~" else "?" for c in line) for line in lines),
            flush=True,
        )
    except OSError:  # the reader of the output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return report.code


def describe(report: Report) -> list[str]:
    """The report in lines."""
    lines = [
        f"{'ok  ' if item.ok else 'FAIL'} {item.id} ({item.kind}): claimed {item.claim}, derived {item.derived} {item.why}"
        for item in report.obligations + report.claims
    ]
    if not report.ok:
        return [*lines, f"REJECTED: {report.reason}"]
    tie = report.tied or "the problem stored in the certificate; tie it to yours by --expect or --data"
    lines += [
        f"setting {report.setting}",
        f"problem {report.problem_id} ({tie})",
        *(f"assumption: {note}" for note in ASSUMPTIONS),
    ]
    return [*lines, f"CONFIRMED in {report.seconds:.1f} s. Verdict: {report.verdict}"]


if __name__ == "__main__":
    sys.exit(main())
