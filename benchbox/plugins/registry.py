"""Finds and loads plugins; a broken plugin does not affect the others."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from traceback import format_exc
from typing import Any, Generic, TypeVar

import pluggy

from benchbox.data import SOURCE_KINDS, DatasetCard, SourceKind, decode_sources
from benchbox.errors import PluginError, UsageError, error_line, nearest, shown
from benchbox.machine import (
    OWN_ACCELERATORS,
    AcceleratorSpec,
    Flaw,
    entry_points_of,
    maker_of,
    package_version,
    tolerate_damaged_metadata,
)
from benchbox.metrics import DISTRIBUTION_METRICS, FLAWED_METRICS, METRICS, Metric
from benchbox.models import ModelSpec
from benchbox.plugins import hookspecs
from benchbox.plugins.columns import ColumnSpec
from benchbox.plugins.executors import OWN_EXECUTORS, ExecutorSpec
from benchbox.plugins.faults import card_fault, model_fault
from benchbox.plugins.formats import OWN_FORMATS, ReportFormat, is_file_of_a_run
from benchbox.plugins.hookspecs import PLUGIN_API, hookimpl
from benchbox.protocols import FLAWED, PROTOCOLS, Protocol
from benchbox.targets import load_file

T = TypeVar("T")

KINDS = (
    "models",
    "datasets",
    "protocols",
    "metrics",
    "claims",
    "suites",
    "formats",
    "columns",
    "executors",
    "accelerators",
    "sources",
)
"""What plugins can offer; each kind has a hook ``benchbox_<kind>``."""

EVENTS = ("run_started", "trial_started", "trial_ended", "run_ended")
"""Events of a run; each has a hook ``benchbox_<event>``."""

HOOKS = tuple(f"benchbox_{name}" for name in (*KINDS, *EVENTS))
"""Names of all hooks; `benchbox.plugins.hookspecs` describes them."""

OWN = "benchbox-recsys"
"""The distribution of benchbox itself, whose plugins ``*`` does not leave out."""

WITHOUT = "BENCHBOX_WITHOUT"
"""Environment variable: plugins to leave out, separated by commas; ``*`` for all."""

_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """The plugin that something comes from.

    Attributes:
        package: Name of the distribution, or of the file.
        version: Its version; empty for a file.
        entry_point: Name of the entry point in group ``benchbox``.
    """

    package: str
    version: str
    entry_point: str

    def __str__(self) -> str:
        if not self.version:
            return self.package
        return f"{self.package} {self.version} ({self.entry_point})"

    @property
    def short(self) -> str:
        """Package and version."""
        return f"{self.package} {self.version}".rstrip()


@dataclass(frozen=True, slots=True)
class Offer(Generic[T]):
    """Something that a plugin offers.

    Attributes:
        value: What is offered, such as a `benchbox.ModelSpec`.
        origin: The plugin that offers it.
    """

    value: T
    origin: Origin


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin, or one of its offers, that cannot be used.

    Attributes:
        origin: The plugin.
        reason: What is wrong, in one line.
        details: Traceback; empty if there is none.
    """

    origin: Origin
    reason: str
    details: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which plugins to load. Plugins that are left out are not imported.

    Attributes:
        without: Names of distributions or entry points to leave out; ``*`` for all but
            benchbox's own.
        files: Python files to load as plugins.
    """

    without: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @classmethod
    def from_environment(cls) -> "Choice":
        """Return the choice that ``BENCHBOX_WITHOUT`` makes."""
        names = os.environ.get(WITHOUT, "").split(",")
        return cls(without=tuple(name.strip() for name in names if name.strip()))

    def leaves_out(self, origin: Origin) -> bool:
        """Return whether the plugin is left out."""
        unwanted = {_plain(name) for name in self.without}
        if "*" in unwanted and origin.package != OWN:
            return True
        return bool(unwanted & {_plain(origin.package), _plain(origin.entry_point)})


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything the installed plugins offer, by kind and name.

    Attributes:
        offers: Offers by kind and name. Several offers of one name are a conflict: an
            error for those who ask for that name only.
        broken: Plugins and offers that cannot be used, and why.
        events: Functions to call, by event.
        plugins: Names of the hooks that each loaded plugin implements.
        left_out: Plugins that the user left out; they were not imported.
        unknown: Names that the user wanted to leave out but no plugin has.
        flaws: What is wrong with the metadata of installed distributions.
    """

    offers: dict[str, dict[str, list[Offer[Any]]]]
    broken: list[Broken] = field(default_factory=list)
    events: dict[str, list[Offer[Any]]] = field(default_factory=dict)
    plugins: dict[Origin, list[str]] = field(default_factory=dict)
    left_out: list[Origin] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)

    def find(self, kind: str, name: str) -> Offer[Any]:
        """Return the one offer called *name*.

        Raises:
            UsageError: No plugin offers that name.
            PluginError: Several plugins offer it.
        """
        known = self.offers[kind]
        if name not in known:
            raise UsageError(
                f"No {_noun(kind)} named {name!r}.{nearest(name, known)} "
                f"Available: {', '.join(sorted(known)) or 'none'}."
            )
        offers = known[name]
        if len(offers) > 1:
            raise PluginError(
                f"{conflict(offers)} both offer a {_noun(kind)} named "
                f"{name!r}. Leave one of them out with --without."
            )
        return offers[0]

    def all(self, kind: str) -> list[Offer[Any]]:
        """Return the offers of *kind*, without those in conflict."""
        return [found[0] for found in self.offers[kind].values() if len(found) == 1]

    def source_kind(self, name: str) -> SourceKind:
        """Return the kind of source that cards declare as *name*.

        Raises:
            UsageError: No plugin offers that kind.
            PluginError: Several plugins offer it.
        """
        kind: SourceKind = self.find("sources", name).value
        return kind

    def offered_by(self, origin: Origin, kind: str) -> list[Any]:
        """Return what one plugin offers of *kind*, including offers in conflict."""
        offers = [offer for found in self.offers[kind].values() for offer in found]
        return [offer.value for offer in offers if offer.origin == origin]


class _Core:
    """What benchbox itself offers, through the same hooks as any plugin."""

    @hookimpl
    def benchbox_protocols(self) -> Iterable[Protocol]:
        return PROTOCOLS + FLAWED

    @hookimpl
    def benchbox_metrics(self) -> Iterable[Metric]:
        return METRICS + DISTRIBUTION_METRICS + FLAWED_METRICS

    @hookimpl
    def benchbox_formats(self) -> Iterable[ReportFormat]:
        return OWN_FORMATS

    @hookimpl
    def benchbox_executors(self) -> Iterable[ExecutorSpec]:
        return OWN_EXECUTORS

    @hookimpl
    def benchbox_accelerators(self) -> Iterable[AcceleratorSpec]:
        return OWN_ACCELERATORS

    @hookimpl
    def benchbox_sources(self) -> Iterable[SourceKind]:
        return SOURCE_KINDS


def discover(
    points: Iterable[EntryPoint] | None = None, choice: Choice | None = None
) -> Registry:
    """Load all installed plugins and collect what they offer.

    Args:
        points: Entry points to load instead of the installed group ``benchbox``.
        choice: Which plugins to load; by default as ``BENCHBOX_WITHOUT`` says.
    """
    choice = Choice.from_environment() if choice is None else choice
    flaws: list[Flaw] = []
    if points is None:
        points, flaws = entry_points_of("benchbox")
        if flaws:
            # Libraries that models and readers import look at all metadata too.
            tolerate_damaged_metadata()
    known = sorted(((_origin(point), point) for point in points), key=lambda p: p[0])
    left_out = [origin for origin, _ in known if choice.leaves_out(origin)]
    loaders: list[tuple[Origin, Callable[[], Any]]] = [
        (Origin(OWN, package_version(OWN) or "0", "core"), _Core),
        *((origin, point.load) for origin, point in known if origin not in left_out),
        *((_file_origin(file), partial(load_file, file)) for file in choice.files),
    ]
    manager = pluggy.PluginManager("benchbox")
    manager.add_hookspecs(hookspecs)
    registry = Registry(
        offers={kind: {} for kind in KINDS},
        events={event: [] for event in EVENTS},
        plugins={},
        left_out=left_out,
        unknown=_unknown(choice, [origin for origin, _ in known]),
        flaws=flaws,
    )
    for origin, load in loaders:
        # What a plugin prints must not end up in a listing.
        with redirect_stdout(sys.stderr):
            problem = _register(manager, origin, load)
            registry.broken.extend(
                [problem] if problem else _collect(manager, origin, registry)
            )
    registry.broken.extend(_drop_faulty(registry))
    # Only now are all kinds of source known.
    registry.broken.extend(_unusable_cards(registry))
    return registry


def conflict(offers: Sequence[Offer[Any]]) -> str:
    """Return the plugins that offer the same name, in words."""
    return " and ".join(str(offer.origin) for offer in offers)


def _noun(kind: str) -> str:
    return "kind of source" if kind == "sources" else kind.removesuffix("s")


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _origin(point: EntryPoint) -> Origin:
    name, version = maker_of(point)
    return Origin(name or "unknown", version or "0", point.name)


def _file_origin(file: Path) -> Origin:
    return Origin(str(file), "", file.stem)


def _unknown(choice: Choice, origins: Sequence[Origin]) -> list[str]:
    return [
        name
        for name in choice.without
        if name != "*"
        and not any(Choice(without=(name,)).leaves_out(origin) for origin in origins)
    ]


def _register(
    manager: pluggy.PluginManager, origin: Origin, load: Callable[[], Any]
) -> Broken | None:
    """Load and register one plugin; return what is wrong with it, or `None`."""
    blame = partial(Broken, origin)
    # A plugin may fail in any way while it loads, `sys.exit` included.
    try:
        plugin = load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001
        return blame(f"cannot be loaded: {error_line(error)}", format_exc())
    if trouble := _wrong_api(plugin):
        return blame(trouble)
    if isinstance(plugin, type):
        return blame(
            "is a class. Let the entry point name a module or an instance instead."
        )
    try:
        manager.register(plugin, name=str(origin))
    except Exception as error:  # noqa: BLE001
        # pluggy 1.6 leaves a plugin registered even if it refused one of its hooks.
        if manager.has_plugin(str(origin)):
            manager.unregister(name=str(origin))
        return blame(f"breaks the plugin contract: {error_line(error)}", format_exc())
    callers = manager.get_hookcallers(plugin) or []
    unknown = [caller.name for caller in callers if not caller.has_spec()]
    if callers and not unknown:
        return None
    manager.unregister(plugin)
    if not callers:
        return blame(
            "implements no hook of benchbox. Mark its functions with benchbox.hookimpl."
        )
    return blame(
        f"implements a hook {unknown[0]!r} that does not exist."
        f"{nearest(unknown[0], HOOKS)}"
    )


def _wrong_api(plugin: Any) -> str:
    api = getattr(plugin, "benchbox_api", 1)
    if api == PLUGIN_API:
        return ""
    newer = isinstance(api, int) and api > PLUGIN_API
    remedy = "Update benchbox-recsys." if newer else "Look for a newer version of it."
    return f"needs plugin API {api!r}, but this benchbox has {PLUGIN_API}. {remedy}"


def _collect(
    manager: pluggy.PluginManager, origin: Origin, registry: Registry
) -> list[Broken]:
    """Call one plugin's hooks, one by one, so that a failure can be attributed."""
    broken: list[Broken] = []
    hooks: list[str] = []
    for hook in HOOKS:
        for impl in getattr(manager.hook, hook).get_hookimpls():
            if impl.plugin_name != str(origin):
                continue
            if impl.hookwrapper or impl.wrapper:
                broken.append(
                    Broken(
                        origin,
                        f"wraps the hook {hook}. Hook wrappers are not supported.",
                    )
                )
                continue
            hooks.append(hook)
            name = hook.removeprefix("benchbox_")
            if name in EVENTS:
                registry.events[name].append(Offer(impl, origin))
            else:
                broken += _take_offers(registry, name, impl.function, origin)
    registry.plugins[origin] = hooks
    return broken


def _take_offers(
    registry: Registry, kind: str, function: Callable[[], Any], origin: Origin
) -> list[Broken]:
    hook = f"benchbox_{kind}"
    try:
        values = list(function())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001
        reason = f"fails in its hook {hook}: {error_line(error)}"
        return [Broken(origin, reason, format_exc())]
    broken = []
    for value in values:
        if trouble := _wrong_offer(kind, value):
            broken.append(Broken(origin, f"returns from its hook {hook} {trouble}"))
            continue
        found = registry.offers[kind].setdefault(value.name, [])
        found.append(Offer(value, origin))
    return broken


def _drop_faulty(registry: Registry) -> list[Broken]:
    """Take out the cards and models with faulty fields, which no command expects."""
    broken: list[Broken] = []
    checks: dict[str, Callable[[Any], str]] = {
        "datasets": card_fault,
        "models": model_fault,
    }
    for kind, fault_of in checks.items():
        noun = "card" if kind == "datasets" else _noun(kind)
        offers = registry.offers[kind]
        for name, found in [*offers.items()]:
            faults = [(offer, fault_of(offer.value)) for offer in found]
            broken += [
                Broken(offer.origin, f"offers a faulty {noun}: {name!r}: {fault}.")
                for offer, fault in faults
                if fault
            ]
            found[:] = [offer for offer, fault in faults if not fault]
            if not found:
                del offers[name]
    return broken


def _unusable_cards(registry: Registry) -> Iterator[Broken]:
    for offer in (o for found in registry.offers["datasets"].values() for o in found):
        card: DatasetCard = offer.value
        # A card made in Python may contain anything.
        try:
            decode_sources(card.name, card.sources, registry.source_kind)
        except Exception as error:  # noqa: BLE001
            what = str(error) if isinstance(error, PluginError) else error_line(error)
            yield Broken(offer.origin, f"offers a faulty card: {what}")


def _wrong_offer(kind: str, value: Any) -> str:
    """Return what is wrong with something a hook returned, or an empty string."""
    expected = _types()[kind]
    if not isinstance(value, expected):
        return f"a {type(value).__name__} instead of a {expected.__name__}."
    if not isinstance(value.name, str) or not _KEBAB.fullmatch(value.name):
        return (
            f"the name {value.name!r}. Names are lower-case letters and digits, "
            f"separated by hyphens."
        )
    if isinstance(value, ReportFormat) and not is_file_of_a_run(value.file):
        return (
            f"the file name {shown(value.file)}. A format's file lies in the folder of "
            f"the run, and takes no name that benchbox uses there."
        )
    return ""


def _types() -> dict[str, type[Any]]:
    from benchbox.plugins.claims import Claim
    from benchbox.plugins.suites import Suite

    kinds = (
        ModelSpec,
        DatasetCard,
        Protocol,
        Metric,
        Claim,
        Suite,
        ReportFormat,
        ColumnSpec,
        ExecutorSpec,
        AcceleratorSpec,
        SourceKind,
    )
    return dict(zip(KINDS, kinds, strict=True))
