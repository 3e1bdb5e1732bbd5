"""Signed releases of models, taken over the air and taken back where they do not do."""

from deploy.update.manifest import Listed, Release, publish, read_release
from deploy.update.releases import Releases
from deploy.update.source import FolderSource, HttpsSource, open_source
from deploy.update.updater import Outcome, Updater

__all__ = [
    "FolderSource",
    "HttpsSource",
    "Listed",
    "Outcome",
    "Release",
    "Releases",
    "Updater",
    "open_source",
    "publish",
    "read_release",
]
