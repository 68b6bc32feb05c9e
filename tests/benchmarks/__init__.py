"""Benchmarks: what data, training and the harness itself cost."""
