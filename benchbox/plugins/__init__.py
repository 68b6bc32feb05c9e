"""Plugins: what installed packages can add to benchbox, and how they are found."""

from benchbox.plugins.chosen import ChosenModel as ChosenModel
from benchbox.plugins.chosen import choose_model as choose_model
from benchbox.plugins.chosen import configure_model as configure_model
from benchbox.plugins.chosen import preset_of as preset_of
from benchbox.plugins.claims import Checked as Checked
from benchbox.plugins.claims import Claim as Claim
from benchbox.plugins.claims import check as check
from benchbox.plugins.claims import claims_from_toml as claims_from_toml
from benchbox.plugins.claims import unchecked as unchecked
from benchbox.plugins.columns import ColumnSpec as ColumnSpec
from benchbox.plugins.executors import ExecutorSpec as ExecutorSpec
from benchbox.plugins.formats import OWN_FORMATS as OWN_FORMATS
from benchbox.plugins.formats import ReportFormat as ReportFormat
from benchbox.plugins.hookspecs import PLUGIN_API as PLUGIN_API
from benchbox.plugins.hookspecs import hookimpl as hookimpl
from benchbox.plugins.registry import EVENTS as EVENTS
from benchbox.plugins.registry import KINDS as KINDS
from benchbox.plugins.registry import Broken as Broken
from benchbox.plugins.registry import Choice as Choice
from benchbox.plugins.registry import Offer as Offer
from benchbox.plugins.registry import Origin as Origin
from benchbox.plugins.registry import Registry as Registry
from benchbox.plugins.registry import conflict as conflict
from benchbox.plugins.registry import discover as discover
from benchbox.plugins.suites import Suite as Suite
from benchbox.plugins.suites import suite_from_toml as suite_from_toml
