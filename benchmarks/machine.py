"""What a table was made on: processor, memory, versions, threads."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.remote import ROOT

_PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "torch",
    "torchdiffeq",
    "jax",
    "diffrax",
    "scikit-sundae",
    "neural-tangents",
)


def _first(path: str, key: str) -> str:
    try:
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return ""


def available_memory() -> int:
    """Bytes that may be allocated now; 0 where the system does not tell."""
    text = _first("/proc/meminfo", "MemAvailable")
    return int(text.split()[0]) * 1024 if text else 0


def versions() -> dict[str, str]:
    """Installed packages that take part."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def other_versions(interpreter: str) -> dict[str, str]:
    """The same of another environment, asked of its Python."""
    names = ("neural-tangents", "jax", "numpy")
    code = f"from importlib.metadata import version as v; print(*(v(n) for n in {names!r}))"
    done = subprocess.run([interpreter, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    words = done.stdout.split()
    return dict(zip(names, words, strict=True)) if len(words) == len(names) else {}


def describe(interpreters: dict[str, str]) -> dict[str, Any]:
    """Everything the header of a table says."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))  # BLAS is loaded
    blas = [f"{i['internal_api']} {i['version']} ({i.get('architecture', '')})" for i in threadpool_info()]
    memory = _first("/proc/meminfo", "MemTotal")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], check=False, capture_output=True, text=True, cwd=ROOT
    )
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": f"{int(memory.split()[0]) / 2**20:.0f} GiB" if memory else "unknown",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": sys.version.split()[0],
        "blas": "; ".join(sorted(set(blas))),
        "versions": versions(),
        "other environments": {name: other_versions(path) for name, path in interpreters.items()},
        "commit": commit.stdout.strip(),
    }


def sentence(machine: dict[str, Any]) -> str:
    """The header in one sentence."""
    have = ", ".join(f"{name} {version}" for name, version in machine["versions"].items() if version != "not installed")
    for name, other in machine["other environments"].items():
        have += f"; in an environment of its own {name} {other.get('neural-tangents', '?')} with jax {other.get('jax', '?')}"
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory']} of memory, {machine['system']}, "
        f"Python {machine['python']}, {machine['blas']}; {have}"
    )
