"""Comparisons of dipcert with its peers, side by side in one run: `python -m benchmarks --help`, and README.md here."""
