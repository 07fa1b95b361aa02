"""The experiments, one file each, listed in :mod:`verify.sweep.kinds`."""
