"""`benchbox serve`: a page on this machine to try a saved model."""

import socket
from importlib.util import find_spec
from pathlib import Path

import click

from benchbox.cli.common import code_option, complain_of, notify, trust_option
from benchbox.cli.installed import installed
from benchbox.errors import UsageError
from benchbox.runs import SavedModel, Trust, page_to_try

_NEEDED = ("starlette", "uvicorn")

_HOST = "127.0.0.1"
"""Never another address: the page has no users and no passwords."""


@click.command("serve")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--port",
    default=8321,
    show_default=True,
    type=click.IntRange(0, 65_535),
    help="Port on this machine; 0: any that is free.",
)
@code_option
@trust_option
def command(folder: Path, port: int, code: tuple[Path, ...], trust: bool) -> int:
    """Show a page to try the model that `benchbox fit` saved in FOLDER.

    Search titles, rate a few, and see what the model recommends, with intervals if it
    predicts any. The same is there as JSON (docs/try-a-model.md). Only this machine can
    reach it; it is not a production server. Ctrl-C ends it.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"`benchbox serve` needs packages that are not installed "
            f"({', '.join(missing)}): pip install 'benchbox-recsys[serve]'."
        )
    model = SavedModel.load(folder, Trust(installed(), code, trust))
    if model.doubt:
        complain_of(f"{model.doubt}.")
    import uvicorn

    with _listening(port) as listener:
        port = listener.getsockname()[1]
        notify(f"http://{_HOST}:{port}/ – to try a model, no production server.")
        notify("Ctrl-C ends it.")
        config = uvicorn.Config(
            page_to_try(model, port), log_level="warning", server_header=False
        )
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _listening(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"Port {port} is taken ({error.strerror}). Choose another --port, or 0."
        ) from None
    return listener
