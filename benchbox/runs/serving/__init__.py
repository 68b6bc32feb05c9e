"""A page and a JSON interface to try a saved model, on this machine only."""

from typing import Any

from benchbox.runs.saved.model import SavedModel


def page_to_try(model: SavedModel, port: int) -> Any:
    """Return the application (ASGI) that lets a model be tried on a page.

    Args:
        model: The model.
        port: Port of this machine at which it is reached.
    """
    # Starlette belongs to an extra.
    from benchbox.runs.serving.answers import Answers
    from benchbox.runs.serving.app import application

    return application(Answers(model), port)
