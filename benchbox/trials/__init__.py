"""Trials: one model fitted and asked, in a process of its own."""
