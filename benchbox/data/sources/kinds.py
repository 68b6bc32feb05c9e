"""The built-in kinds of source."""

from benchbox.data.sources.declared import SourceKind
from benchbox.data.sources.local_kinds import FolderSource, PackageSource, PathSource
from benchbox.data.sources.remote_kinds import UrlSource, WheelSource

SOURCE_KINDS = (
    SourceKind(source=FolderSource, summary="your own folder, in BENCHBOX_DATA"),
    SourceKind(source=PackageSource, summary="files that an installed package ships"),
    SourceKind(source=UrlSource, summary="a download: a zip archive, or single files"),
    SourceKind(source=WheelSource, summary="files in a wheel on the package index"),
    SourceKind(source=PathSource, summary="your own files, by path"),
)
"""The built-in kinds of source; plugins can add more."""
