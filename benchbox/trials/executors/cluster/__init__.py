"""Cluster: trials on other machines, which Ray reaches."""
