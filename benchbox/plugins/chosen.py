"""A model as a user names it: the installed spec, and its options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchbox.errors import UsageError, nearest
from benchbox.models import Capabilities, ModelSpec, RatingModel, combined
from benchbox.options import Options, changed, decode, split_choice
from benchbox.plugins.libraries import libraries_of, unavailable
from benchbox.plugins.registry import Offer, Registry
from benchbox.targets import resolve, source_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenModel:
    """An installed model with options.

    Attributes:
        offer: The model's spec, and the plugin that offers it.
        options: Its options.
        changed: Options that differ from the defaults or the preset, and the preset.
        members: Models that this one fits itself.
    """

    offer: Offer[ModelSpec]
    options: Options
    changed: Mapping[str, Any]
    members: tuple["ChosenModel", ...] = ()

    @property
    def spec(self) -> ModelSpec:
        """The model's spec."""
        return self.offer.value

    @property
    def capabilities(self) -> Capabilities:
        """What it can do with these options, as far as its members can."""
        can = self.spec.capabilities.under(self.options)
        return combined(can, [member.capabilities for member in self.members])

    @property
    def source_digest(self) -> str:
        """Hash of its source code, and that of its members."""
        own = source_digest(self.spec.target)
        return "+".join([own, *(member.source_digest for member in self.members)])

    @property
    def libraries(self) -> dict[str, str]:
        """Version of each library that it and its members need; empty if missing."""
        found = libraries_of(self.spec)
        for member in self.members:
            found |= member.libraries
        return found

    @property
    def unavailable(self) -> str:
        """Why it cannot run here; empty if it can."""
        reasons = [unavailable(self.spec), *(m.unavailable for m in self.members)]
        return next(filter(None, reasons), "")

    def build(self) -> RatingModel:
        """Import the model and build it with its options."""
        model: RatingModel = resolve(self.spec.target)(self.options)
        return model


def choose_model(text: str, registry: Registry) -> ChosenModel:
    """Return the installed model that *text* names, as on the command line.

    Args:
        text: Name, and options if any: ``name:key=value,key=value``.
        registry: Installed plugins.

    Raises:
        UsageError: The model, an option, or one of its members is unknown.
    """
    name, settings = split_choice(text)
    return configure_model(registry.find("models", name), settings, registry)


def configure_model(
    offer: Offer[ModelSpec], settings: Mapping[str, Any], registry: Registry
) -> ChosenModel:
    """Return an installed model with *settings*, a preset among them.

    Raises:
        UsageError: An option, the preset, or one of its members is unknown.
    """
    spec, rest = offer.value, dict(settings)
    chosen = {"preset": rest.pop("preset")} if "preset" in rest else {}
    preset = preset_of(spec, **chosen) if chosen else {}
    options = decode(spec.options, preset | rest, spec.name)
    start = decode(spec.options, preset, spec.name)
    return ChosenModel(
        offer=offer,
        options=options,
        changed=chosen | changed(options, start),
        members=tuple(_member(spec, text, registry) for text in options.fits_models),
    )


def _member(owner: ModelSpec, text: str, registry: Registry) -> ChosenModel:
    try:
        member = choose_model(text, registry)
    except UsageError as error:
        raise UsageError(
            f"{owner.name} cannot have the member {text!r}: {error}"
        ) from None
    if member.options.fits_models:
        raise UsageError(
            f"{owner.name} cannot have the member {text!r}, which has members itself. "
            f"Name those instead."
        )
    return member


def preset_of(spec: ModelSpec, preset: str) -> dict[str, Any]:
    """Return the options of a model's preset.

    Raises:
        UsageError: It has no such preset.
    """
    if preset not in spec.presets:
        known = ", ".join(spec.presets) or "none"
        raise UsageError(
            f"{spec.name} has no preset {preset!r}.{nearest(preset, spec.presets)} "
            f"Its presets: {known}."
        )
    return dict(spec.presets[preset])
