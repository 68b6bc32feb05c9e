"""Devices, timing, sensors and a description of the machine."""

from benchbox.machine.accelerator import Accelerator as Accelerator
from benchbox.machine.accelerator import AcceleratorSpec as AcceleratorSpec
from benchbox.machine.accelerator import MemoryPeaks as MemoryPeaks
from benchbox.machine.clocks.afterwork import await_afterwork as await_afterwork
from benchbox.machine.clocks.latency import LatencyRecord as LatencyRecord
from benchbox.machine.clocks.latency import cache_flusher as cache_flusher
from benchbox.machine.clocks.latency import measure_latency as measure_latency
from benchbox.machine.clocks.memory import (
    keep_peak_memory_resettable as keep_peak_memory_resettable,
)
from benchbox.machine.clocks.memory import peak_memory_bytes as peak_memory_bytes
from benchbox.machine.clocks.memory import reset_peak_memory as reset_peak_memory
from benchbox.machine.clocks.phases import LapClock as LapClock
from benchbox.machine.clocks.phases import PhaseClock as PhaseClock
from benchbox.machine.clocks.phases import cpu_seconds as cpu_seconds
from benchbox.machine.clocks.samples import Durations as Durations
from benchbox.machine.clocks.samples import summarise as summarise
from benchbox.machine.clocks.steps import StepClock as StepClock
from benchbox.machine.clocks.steps import step_clock as step_clock
from benchbox.machine.contention import Watch as Watch
from benchbox.machine.contention import family_cpu_seconds as family_cpu_seconds
from benchbox.machine.contention import tree_cpu_seconds as tree_cpu_seconds
from benchbox.machine.device_choice import ANY_ACCELERATOR as ANY_ACCELERATOR
from benchbox.machine.device_choice import AUTO as AUTO
from benchbox.machine.device_choice import COMPUTATION as COMPUTATION
from benchbox.machine.device_choice import DEVICE_HELP as DEVICE_HELP
from benchbox.machine.device_choice import FoundDevices as FoundDevices
from benchbox.machine.device_choice import check_device as check_device
from benchbox.machine.device_choice import device_for as device_for
from benchbox.machine.device_choice import find_devices as find_devices
from benchbox.machine.device_choice import runs_on as runs_on
from benchbox.machine.device_choice import what_devices_lack as what_devices_lack
from benchbox.machine.devices import CACHE_VARIABLES as CACHE_VARIABLES
from benchbox.machine.devices import KINDS as KINDS
from benchbox.machine.devices import LIBRARY_FOLDERS as LIBRARY_FOLDERS
from benchbox.machine.devices import LIBRARY_VARIABLES as LIBRARY_VARIABLES
from benchbox.machine.devices import OWN_ACCELERATORS as OWN_ACCELERATORS
from benchbox.machine.devices import STEP_EVENTS as STEP_EVENTS
from benchbox.machine.devices import TorchAccelerator as TorchAccelerator
from benchbox.machine.devices import accelerator_in_use as accelerator_in_use
from benchbox.machine.devices import accelerator_targets as accelerator_targets
from benchbox.machine.devices import device_named as device_named
from benchbox.machine.devices import is_out_of_memory as is_out_of_memory
from benchbox.machine.devices import set_accelerators as set_accelerators
from benchbox.machine.distributions import Flaw as Flaw
from benchbox.machine.distributions import entry_points_of as entry_points_of
from benchbox.machine.distributions import maker_of as maker_of
from benchbox.machine.distributions import package_version as package_version
from benchbox.machine.distributions import requirement_of as requirement_of
from benchbox.machine.distributions import (
    tolerate_damaged_metadata as tolerate_damaged_metadata,
)
from benchbox.machine.disturbances import find_disturbances as find_disturbances
from benchbox.machine.environment import Environment as Environment
from benchbox.machine.environment import describe_environment as describe_environment
from benchbox.machine.environment import most_memory_bytes as most_memory_bytes
from benchbox.machine.environment import n_usable_cpus as n_usable_cpus
from benchbox.machine.family import Family as Family
from benchbox.machine.family import end_orphans as end_orphans
from benchbox.machine.family import is_alive as is_alive
from benchbox.machine.lease import leased as leased
from benchbox.machine.memory_leases import MemoryLease as MemoryLease
from benchbox.machine.memory_leases import MemoryPool as MemoryPool
from benchbox.machine.process import prepare_process as prepare_process
from benchbox.machine.process import settings_in_force as settings_in_force
from benchbox.machine.sensors import GaugeRecord as GaugeRecord
from benchbox.machine.sensors import Gauges as Gauges
from benchbox.machine.ties import adopt_orphans as adopt_orphans
from benchbox.machine.ties import die_with as die_with
from benchbox.machine.ties import end_follows as end_follows
from benchbox.machine.ties import go_first as go_first
