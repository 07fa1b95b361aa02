"""The comparisons, a file each: TITLE, ERROR (what the column of errors means) and run(setup) → rows."""

from benchmarks.comparisons import descent, flow, limits, phase, scaling, sigma_min, startup

COMPARISONS = {
    "sigma_min": sigma_min,
    "flow": flow,
    "descent": descent,
    "phase": phase,
    "scaling": scaling,
    "limits": limits,
    "startup": startup,
}
