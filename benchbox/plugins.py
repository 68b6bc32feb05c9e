"""Plugins: finding what installed packages offer, and surviving the broken ones."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from traceback import format_exc
from typing import Any, Generic, TypeVar

import pluggy

from benchbox import hookspecs
from benchbox.errors import PluginError, UsageError
from benchbox.flawed import FLAWED
from benchbox.hookspecs import hookimpl
from benchbox.metrics import METRICS, Metric
from benchbox.options import nearest
from benchbox.protocols import PROTOCOLS, Protocol

T = TypeVar("T")

KINDS = ("models", "datasets", "protocols", "metrics", "claims")
"""What plugins can offer; each kind has a hook ``benchbox_<kind>``."""


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Which installed plugin something comes from.

    Attributes:
        package: Name of the distribution.
        version: Its version.
        entry_point: Name of the entry point in group ``benchbox``.
    """

    package: str
    version: str
    entry_point: str

    def __str__(self) -> str:
        return f"{self.package} {self.version} ({self.entry_point})"


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """Something a plugin offers, and the plugin that does."""

    value: T
    origin: Origin


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that was left out.

    Attributes:
        origin: The plugin at fault.
        reason: What is wrong, in one line.
        details: Traceback, or an empty string.
    """

    origin: Origin
    reason: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything the installed plugins offer, by kind and name.

    Attributes:
        offers: Per kind and name, the offers of that name; more than one is a
            conflict, which only hurts whoever asks for that name.
        broken: The plugins left out, and why.
    """

    offers: Mapping[str, Mapping[str, list[Offer[Any]]]]
    broken: list[Broken] = field(default_factory=list)

    def find(self, kind: str, name: str) -> Offer[Any]:
        """Return the one offer called *name*.

        Raises:
            UsageError: Nobody offers that name.
            PluginError: Two plugins do.
        """
        known = self.offers[kind]
        if name not in known:
            singular = kind.removesuffix("s")
            raise UsageError(
                f"No {singular} named {name!r}.{nearest(name, known)} "
                f"Available: {', '.join(sorted(known)) or 'none'}."
            )
        offers = known[name]
        if len(offers) > 1:
            owners = " and ".join(str(offer.origin) for offer in offers)
            raise PluginError(
                f"{owners} both offer a {kind.removesuffix('s')} named {name!r}. "
                f"Uninstall one of them, or ask its author for another name."
            )
        return offers[0]

    def all(self, kind: str) -> list[Offer[Any]]:
        """Return every offer of *kind* whose name is not disputed."""
        return [found[0] for found in self.offers[kind].values() if len(found) == 1]


class _Core:
    """What benchbox itself offers, through the same hooks as anybody."""

    @hookimpl
    def benchbox_protocols(self) -> Iterable[Protocol]:
        return PROTOCOLS + FLAWED

    @hookimpl
    def benchbox_metrics(self) -> Iterable[Metric]:
        return METRICS


def discover(points: Iterable[EntryPoint] | None = None) -> Registry:
    """Load every installed plugin, one by one, and collect what they offer.

    Args:
        points: Entry points to load instead of the installed group ``benchbox``.
    """
    from benchbox.version import __version__

    found = entry_points(group="benchbox") if points is None else points
    core = Origin("benchbox-recsys", __version__, "core")
    loaders: list[tuple[Origin, Callable[[], Any]]] = [(core, _Core)]
    loaders += [(_origin(point), point.load) for point in sorted(found, key=_place)]
    manager = pluggy.PluginManager("benchbox")
    manager.add_hookspecs(hookspecs)
    broken: list[Broken] = []
    offers: dict[str, dict[str, list[Offer[Any]]]] = {kind: {} for kind in KINDS}
    for origin, load in loaders:
        problem = _register(manager, origin, load) or _collect(manager, origin, offers)
        if problem:
            broken.append(problem)
    return Registry(offers, broken)


def resolve(target: str) -> Any:
    """Import and return what ``"package.module:name"`` or ``"file.py:name"`` names.

    Raises:
        PluginError: There is no such module, file or name.
    """
    module_name, _, name = target.rpartition(":")
    if module_name.endswith(".py"):
        module = _load_file(Path(module_name))
    else:
        from importlib import import_module

        try:
            module = import_module(module_name)
        except ModuleNotFoundError as error:
            raise PluginError(
                f"{target!r} cannot be imported: {error}. Is the package complete?"
            ) from error
    if not hasattr(module, name):
        classes = [n for n, v in vars(module).items() if isinstance(v, type)]
        raise PluginError(f"{module_name} defines no {name!r}.{nearest(name, classes)}")
    return getattr(module, name)


def source_digest(target: str) -> str:
    """Return a hash of the Python files behind *target*; nothing is imported.

    It covers the whole top-level package, or the one file.
    """
    module_name = target.rpartition(":")[0]
    if module_name.endswith(".py"):
        files = [Path(module_name)]
    else:
        spec = find_spec(module_name.partition(".")[0])
        if spec is None:
            return ""
        places = spec.submodule_search_locations
        files = (
            sorted(f for place in places for f in Path(place).rglob("*.py"))
            if places
            else [Path(spec.origin)]
            if spec.origin
            else []
        )
    digest = blake2b(digest_size=8)
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def _place(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name if point.dist else "", point.name)


def _origin(point: EntryPoint) -> Origin:
    if point.dist is None:
        return Origin("unknown", "0", point.name)
    return Origin(point.dist.name, point.dist.version, point.name)


def _register(
    manager: pluggy.PluginManager, origin: Origin, load: Callable[[], Any]
) -> Broken | None:
    """Load and register one plugin; return what is wrong with it, if anything."""
    blame = partial(Broken, origin)
    # A plugin may fail in any way while it loads, `sys.exit` included.
    try:
        plugin = load()
    except (Exception, SystemExit) as error:
        return blame(f"cannot be loaded: {_one_line(error)}", format_exc())
    try:
        manager.register(plugin, name=str(origin))
    except Exception as error:
        # pluggy 1.6 leaves a plugin registered whose hook it has just refused.
        if manager.has_plugin(str(origin)):
            manager.unregister(name=str(origin))
        return blame(f"breaks the plugin contract: {_one_line(error)}", format_exc())
    callers = manager.get_hookcallers(plugin) or []
    unknown = [caller.name for caller in callers if not caller.has_spec()]
    if callers and not unknown:
        return None
    manager.unregister(plugin)
    if not callers:
        return blame(
            "has no hook of benchbox. Mark its functions with benchbox.hookimpl."
        )
    hooks = [f"benchbox_{kind}" for kind in KINDS]
    return blame(
        f"implements a hook {unknown[0]!r} that does not exist."
        f"{nearest(unknown[0], hooks)}"
    )


def _collect(
    manager: pluggy.PluginManager,
    origin: Origin,
    offers: dict[str, dict[str, list[Offer[Any]]]],
) -> Broken | None:
    """Call one plugin's hooks, each apart, so that a failure can be attributed."""
    for kind in KINDS:
        for impl in getattr(manager.hook, f"benchbox_{kind}").get_hookimpls():
            if impl.plugin_name != str(origin):
                continue
            try:
                for value in list(impl.function()):
                    found = offers[kind].setdefault(value.name, [])
                    found.append(Offer(value, origin))
            except Exception as error:
                return Broken(
                    origin,
                    f"fails in its hook benchbox_{kind}: {_one_line(error)}",
                    format_exc(),
                )
    return None


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _load_file(path: Path) -> Any:
    import sys
    from importlib.util import module_from_spec, spec_from_file_location

    name = f"benchbox_file_{path.stem}"
    spec = spec_from_file_location(name, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise PluginError(f"There is no Python file {str(path)!r}.")
    module = module_from_spec(spec)
    # Dataclasses and msgspec look their module up by name while they are defined.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
