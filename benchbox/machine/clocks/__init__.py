"""Timing: three clocks that are never mixed, and what a trial holds of memory.

Phases (`phases`) are wall and processor seconds with the accelerator waited for on
both sides; steps (`steps`) are measured on the accelerator itself; latency (`latency`)
is that of single calls of `predict`.
"""
