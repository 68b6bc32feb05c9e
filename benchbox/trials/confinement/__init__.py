"""Confinement: what the process of a trial may read, write and reach."""
