"""Data files and JSON files that are broken, enormous or strange: more attempts, one certificate is enough."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator

import numpy as np

from tests.verify.certificate_files import Attempt, Files, attempt, member, pack

SIDE_BY_SIDE = (
    "../cert.npz",
    "sub/cert.npz",
    "./cert.npz",
    "/etc/passwd",
    "..",
    ".",
    "",
    "cert",
    "cert.npz\x00",
    "cert.npz/",
    "~/cert.npz",
    "C:\\cert.npz",
    "..\\cert.npz",
    "file:///cert.npz",
    "https://example.org/cert.npz",
    ".hidden.npz",
    "cert.npz\n",
    "c" * 300 + ".npz",
    "cert.npz.zip",
    "çert.npz",
    "-cert.npz",
    "cert.json",
    "none.npz",
)


def _header(text: str, version: bytes = b"\x01\x00") -> bytes:
    raw = text.encode("latin-1") + b"\n"
    size = struct.pack("<H" if version[0] == 1 else "<I", len(raw))
    return b"\x93NUMPY" + version + size + raw


def names(files: Files) -> Iterator[Attempt]:
    """Names of the data file, of arrays and of members that lead elsewhere."""
    for name in SIDE_BY_SIDE:
        other = files.copy()
        other.document["data"] = name
        yield attempt(f"data {name[:20]!r}", other)
    for name in ("../a", "/a", "a/../a", "a.npy", "", "A", "w_N", "__proto__", "a\x00"):
        other = files.copy()
        other.arrays[name] = other.arrays.pop("a")
        yield attempt(f"array {name!r}", other.fix(), other.members())
    members = files.members()
    for name in ("../a.npy", "/a.npy", "./a.npy", "a", "A.npy", "a.npy/", "sub/a.npy", "..\\a.npy", "a.NPY"):
        yield attempt(f"member {name}", files, [(name if key == "a.npy" else key, raw) for key, raw in members.items()])
    yield attempt("member more", files, {**members, "more.npy": member(np.zeros(1))})
    yield attempt("member of a path more", files, {**members, "../more.npy": member(np.zeros(1))})
    for name in members:
        yield attempt(f"member {name} missing", files, {key: raw for key, raw in members.items() if key != name})
        yield attempt(f"member {name} twice", files, [*members.items(), (name, members[name])])
        yield attempt(
            f"member {name} twice, the second is zero",
            files,
            [*members.items(), (name, members[name][:128] + bytes(len(members[name]) - 128))],
        )


def arrays(files: Files) -> Iterator[Attempt]:
    """Members that are not arrays of doubles in C order, format 1.0."""
    members = files.members()
    for name in ("a", "V", "y", next(key for key in files.arrays if key.startswith("w_"))):
        x = files.arrays[name]
        shape, body = tuple(x.shape), np.ascontiguousarray(x).tobytes()
        sides = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
        head = "{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}"
        forms = {
            "Fortran order": _header(head.format("<f8", True, sides)) + np.asfortranarray(x).tobytes("F"),
            "big endian": member(x.astype(">f8")),
            "single": member(x.astype("<f4")),
            "integers": member(x.astype("<i8")),
            "complex": member(x.astype("<c16")),
            "version 2": member(x, (2, 0)),
            "version 3": member(x, (3, 0)),
            "negative sides": _header(head.format("<f8", False, sides.replace("(", "(-", 1))) + body,
            "overflow": _header(head.format("<f8", False, "(4294967297, 4294967296)")) + body,
            "long": _header(head.format("<f8", False, "(" + "9" * 400 + ",)")) + body,
            "scalar": _header(head.format("<f8", False, "()")) + body,
            "no header": body,
            "empty": b"",
            "magic": b"\x93NUMPY",
            "code": _header("__import__('os').system('true')") + body,
            "long header": b"\x93NUMPY\x01\x00\xff\xff" + body,
            "cut": members[f"{name}.npy"][:-8],
            "cut in a number": members[f"{name}.npy"][:-3],
            "more": members[f"{name}.npy"] + bytes(8),
            "one byte more": members[f"{name}.npy"] + b"\0",
            "header twice": members[f"{name}.npy"][:128] + members[f"{name}.npy"],
        }
        objects = io.BytesIO()
        np.lib.format.write_array(objects, x.astype(object), version=(1, 0))
        forms["pickled"] = objects.getvalue()
        for how, raw in forms.items():
            yield attempt(f"{name}: {how}", files, {**members, f"{name}.npy": raw})


def archives(files: Files) -> Iterator[Attempt]:
    """Zip files that are compressed, cut, bombs, or none."""
    text, members = json.dumps(files.document).encode(), files.members()
    good = pack(list(members.items()))
    for compression in (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield Attempt(f"compressed by {compression}", text, pack(list(members.items()), compression))
    bomb = {**members, "V.npy": members["V.npy"][:128] + bytes(200 << 20)}
    yield Attempt("200 MB of zeros in 200 kB", text, pack(list(bomb.items()), zipfile.ZIP_DEFLATED))
    # 100 GB claimed by shape, hash table and directory, in a file of some kB
    huge = files.copy()
    huge.problem["arrays"]["a"]["shape"] = [10**7]
    huge.problem["arrays"]["V"]["shape"] = [10**7, 1250]
    yield attempt("100 GB claimed by the JSON", huge)
    for field, size in (
        (24, 4),
        (20, 4),
        (42, 4),
        (10, 2),
        (8, 2),
        (46, 5),
    ):  # sizes, offset, method, flags and name in the directory
        raw = bytearray(good)
        at = raw.index(b"PK\x01\x02")
        raw[at + field : at + field + size] = b"\xff" * size
        yield Attempt(f"directory: field {field}", text, bytes(raw))
    end = good.rindex(b"PK\x05\x06")
    for field, size in ((12, 4), (16, 4)):
        raw = bytearray(good)
        raw[end + field : end + field + size] = b"\xfe" * size
        yield Attempt(f"end of the directory: field {field}", text, bytes(raw))
    for cut in (0, 1, 100, len(good) // 2, len(good) - 1, len(good) - 30, end):
        yield Attempt(f"cut at {cut}", text, good[:cut])
    flipped = bytearray(good)
    flipped[300] ^= 1
    yield Attempt("a bit turned", text, bytes(flipped))
    yield Attempt("text instead", text, b"a,b\n1,2\n" * 1000)
    yield Attempt("an npy file instead", text, member(files.arrays["V"]))
    yield Attempt("no data", text, None)
    yield Attempt("data under another name", text, good, name="other.npz")


def texts(files: Files) -> Iterator[Attempt]:
    """JSON files that are none."""
    text, good = json.dumps(files.document), pack(list(files.members().items()))
    deep = 10**5
    for what, raw in {
        "empty": b"",
        "blank": b" \n",
        "null": b"null",
        "number": b"1",
        "string": b'"certificate"',
        "list": b"[]",
        "object": b"{}",
        "trailing garbage": text.encode() + b"}",
        "two documents": text.encode() * 2,
        "cut": text.encode()[:-1],
        "half": text.encode()[: len(text) // 2],
        "single quotes": text.replace('"', "'").encode(),
        "comment": b"/* */" + text.encode(),
        "mark": b"\xef\xbb\xbf" + text.encode(),
        "UTF-16": text.encode("utf-16"),
        "UTF-32": text.encode("utf-32"),
        "invalid UTF-8": text.encode().replace(b"two_layer", b"two_l\xffyer", 1),
        "overlong UTF-8": text.encode().replace(b"two_layer", b"two_l\xc1\xa1yer", 1),
        "NUL": b"\0" + text.encode(),
        "NUL within": text.replace("two_layer", "two\0layer", 1).encode(),
        "deep lists": b"[" * deep,
        "deep lists closed": b"[" * deep + b"]" * deep,
        "deep objects": b'{"a":' * deep + b"1" + b"}" * deep,
        "deep within": text.replace('"origin": {', '"origin": {"x": ' + "[" * deep + "]" * deep + ", ", 1).encode(),
        "huge": text.encode() + b" " * (5 << 20),
        "huge string": text.replace('"origin": {', '"origin": {"x": "' + "x" * (5 << 20) + '", ', 1).encode(),
        "long integer": text.replace('"origin": {', '"origin": {"x": ' + "9" * 10**5 + ", ", 1).encode(),
        "a zip file": good,
        "script": b"#!/bin/sh\nexit 0\n",
        "NaN within": text.replace('"origin": {', '"origin": {"x": NaN, ', 1).encode(),
        "trailing comma": text.replace("}}", "},}", 1).encode(),
    }.items():
        yield Attempt(what, raw, good)
    yield Attempt("no certificate", None, good)
