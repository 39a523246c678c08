"""Settings: a TOML file and the environment, read once, checked whole."""

from photosync.config.environment import whence
from photosync.config.files import default_file, example_text, find_file, init
from photosync.config.mistakes import Mistake, raise_all
from photosync.config.reading import load
from photosync.config.settings import (
    BackupSettings,
    FolderSettings,
    GoogleSettings,
    MirrorSettings,
    NotifySettings,
    PhoneSettings,
    SelectSettings,
    Settings,
    UploadSettings,
    WebSettings,
)
from photosync.config.showing import Shown, masked, shown

__all__ = [
    "BackupSettings",
    "FolderSettings",
    "GoogleSettings",
    "MirrorSettings",
    "Mistake",
    "NotifySettings",
    "PhoneSettings",
    "SelectSettings",
    "Settings",
    "Shown",
    "UploadSettings",
    "WebSettings",
    "default_file",
    "example_text",
    "find_file",
    "init",
    "load",
    "masked",
    "raise_all",
    "shown",
    "whence",
]
