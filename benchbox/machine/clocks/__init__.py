"""Measures time in three ways that are never mixed, and peak memory.

`phases` measures wall and processor seconds of fit and predict, including all work on
the accelerator; `steps` measures training steps on the accelerator itself; `latency`
measures single calls of `predict`.
"""
