"""The parts of the benchmark `tests.benchmarks.repair`."""
