"""Entry points made up by a test, and the registry they make."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from benchbox.plugins.registry import Choice, Registry, discover


@dataclass
class Point:
    """An entry point that loads a given object, or fails as it is told."""

    name: str
    plugin: Any
    package: str = "acme"

    @property
    def dist(self) -> SimpleNamespace:
        text = f"Name: {self.package}\nVersion: 1.2\n" if self.package else ""
        return SimpleNamespace(name=self.package, read_text=lambda name: text)

    def load(self) -> Any:
        if isinstance(self.plugin, BaseException):
            raise self.plugin
        return self.plugin


def found(*points: Point, **choice: Any) -> Registry:
    return discover(points, Choice(**choice))  # type: ignore[arg-type]
