"""Settings: a TOML file and the environment, read once, checked whole."""

from photosync.config.files import default_file, example_text, find_file, init
from photosync.config.reading import load
from photosync.config.settings import (
    FolderSettings,
    GoogleSettings,
    MirrorSettings,
    PhoneSettings,
    SelectSettings,
    Settings,
    UploadSettings,
)
from photosync.config.showing import Shown, shown

__all__ = [
    "FolderSettings",
    "GoogleSettings",
    "MirrorSettings",
    "PhoneSettings",
    "SelectSettings",
    "Settings",
    "Shown",
    "UploadSettings",
    "default_file",
    "example_text",
    "find_file",
    "init",
    "load",
    "shown",
]
