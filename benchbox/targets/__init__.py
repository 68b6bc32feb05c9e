"""From the name of a class to the class, and to the files that define it."""

from benchbox.targets.cells import target_of_class as target_of_class
from benchbox.targets.moved import find_moved
from benchbox.targets.parsing import undisturbed as undisturbed
from benchbox.targets.python_files import files_of as files_of
from benchbox.targets.python_files import keep_importable as keep_importable
from benchbox.targets.python_files import keep_on_path as keep_on_path
from benchbox.targets.python_files import load_file as load_file
from benchbox.targets.python_files import root_of as root_of
from benchbox.targets.resolving import EQUIVALENT as EQUIVALENT
from benchbox.targets.resolving import file_of as file_of
from benchbox.targets.resolving import lazy_names as lazy_names
from benchbox.targets.resolving import resolve as resolve
from benchbox.targets.resolving import source_digest as source_digest
from benchbox.targets.resolving import source_files as source_files
from benchbox.targets.resolving import target_of as target_of

find_moved()
