"""The option --device. A module of its own, because it imports `benchbox.machine`."""

import click

from benchbox.machine import DEVICE_HELP

device_option = click.option("--device", help=f"{DEVICE_HELP}  [default: auto]")
