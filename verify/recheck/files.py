"""The two files of a certificate, read with bounded memory: a document, and arrays that stream in blocks of rows."""

from __future__ import annotations

import hashlib
import math
import os
import re
import sys
import zipfile
from array import array
from collections.abc import Iterator
from typing import Any

from .strict import need, parse_json

JSON_LIMIT, DATA_LIMIT, BLOCK = 1 << 22, 8 << 30, 1 << 19  # bytes, bytes, doubles
Declared = dict[str, tuple[tuple[int, ...], str]]  # name: (shape, SHA-256)
_HEADER = re.compile(rb"\{'descr': '<f8', 'fortran_order': False, 'shape': \(([0-9]{1,8}),(?: ([0-9]{1,8}))?\), \} *\n")


def document(path: str) -> Any:
    """The JSON of a certificate."""
    need(os.path.isfile(path), f"{os.path.basename(path)} is not a file")  # a pipe would block
    with open(path, "rb") as stream:
        raw = stream.read(JSON_LIMIT + 1)
    need(len(raw) <= JSON_LIMIT, "the file is too long")
    return parse_json(raw)


class Arrays:
    """The arrays of an npz file, checked against declared shapes and hashes before they are used."""

    def __init__(self, path: str, declared: Declared, exact: bool = True) -> None:
        need(os.path.isfile(path), f"{os.path.basename(path)} is not a regular file")
        self.declared, self.file = declared, zipfile.ZipFile(path)
        found, wanted = self.file.namelist(), {name + ".npy" for name in declared}
        need(len(set(found)) == len(found), "a member occurs twice in the data file")
        fits = wanted == set(found) if exact else wanted <= set(found)
        need(fits, "the members of the data file are not those declared")
        for name, (shape, _) in declared.items():
            item = self.file.getinfo(name + ".npy")
            plain = item.compress_type == 0 and not item.flag_bits & 1
            need(plain, f"{name} is compressed or encrypted: store it plainly")
            need(item.compress_size == item.file_size, f"{name} has inconsistent sizes")
            header = item.file_size - 8 * math.prod(shape)
            need(10 <= header <= 512, f"{name} does not have the size of its shape {shape}")
        total = sum(8 * math.prod(shape) for shape, _ in declared.values())
        need(total <= min(DATA_LIMIT, os.path.getsize(path)), "the arrays exceed the file or the limit")

    def rows(self, name: str, rows: int | None = None) -> Iterator[array[float]]:
        """The array in blocks of so many rows (all at once by default); its hash is checked at the end."""
        shape, digest = self.declared[name]
        left, step, sha = math.prod(shape), math.prod(shape[1:]) * (rows or shape[0]), hashlib.sha256()
        with self.file.open(name + ".npy") as stream:
            start = stream.read(10)
            need(len(start) == 10 and start[:8] == b"\x93NUMPY\x01\x00", f"{name} is not an array of format 1.0")
            match = _HEADER.fullmatch(stream.read(min(512, start[8] + 256 * start[9])))
            found = match and tuple(int(side) for side in match.groups() if side is not None)
            need(found == shape, f"{name}: the header is not that of a <f8 array in C order of the shape {shape}")
            while left:
                raw = stream.read(8 * min(step, left))
                need(len(raw) == 8 * min(step, left), f"{name} is cut short")
                sha.update(raw)
                values = array("d", raw)
                if sys.byteorder == "big":
                    values.byteswap()
                left -= len(values)
                yield values
            need(stream.read(1) == b"", f"{name} is too long")
        need(sha.hexdigest() == digest, f"{name} does not have the declared SHA-256")

    def largest(self, name: str) -> float:
        """Read through the array: hash, no NaN or infinity; its largest modulus."""
        top = 0.0
        for values in self.rows(name, max(1, BLOCK // math.prod(self.declared[name][0][1:]))):
            need(all(map(math.isfinite, values)), f"{name} holds NaN or infinity")
            top = max(top, *values, -min(values))
        return top
