"""Device option: where models are fitted. Apart, since it asks `benchbox.machine`."""

import click

from benchbox.machine import DEVICE_HELP

device_option = click.option("--device", help=f"{DEVICE_HELP}  [default: auto]")
