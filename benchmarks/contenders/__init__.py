"""The contenders, a file a comparison; each is a small class that runs in a worker (:mod:`benchmarks.worker`)."""
