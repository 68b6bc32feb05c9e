"""Plugins: what installed packages can add, and how it is found."""
