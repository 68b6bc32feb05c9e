"""Fixtures of the command line's tests."""

from commands import benchbox as benchbox
from commands import lender as lender
