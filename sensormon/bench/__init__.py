"""Benchmarks: what this machine does with the monitor, beside a reference from the same run."""
