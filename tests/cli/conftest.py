"""Fixtures of the command line's tests."""

from tests.support.commands import benchbox as benchbox
from tests.support.commands import lender as lender
