"""The udev rule: what udev would make of it, for phones as they really describe themselves."""

from __future__ import annotations

import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

RULES = Path(__file__).parents[2] / "config" / "51-photosync-android.rules"
TOKEN = re.compile(r'\s*([A-Z_]+(?:\{[A-Za-z_]+\})?)\s*(==|!=|\+=|:=|=)\s*"([^"]*)"\s*')


def tokens() -> list[tuple[str, str, str]]:
    """Key, operator and value of the only rule (man 7 udev)."""
    text = RULES.read_text("utf-8").replace("\\\n", "")
    (rule,) = (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
    found = [TOKEN.fullmatch(part) for part in rule.split(",")]
    assert all(found), rule
    return [(one[1], one[2], one[3]) for one in found if one]


def applies(properties: dict[str, str]) -> bool:
    for key, operator, pattern in tokens():
        if operator in ("==", "!="):
            name = key.removeprefix("ENV{").removesuffix("}")
            if fnmatchcase(properties.get(name, ""), pattern) != (operator == "=="):
                return False
    return True


@pytest.mark.parametrize(
    ("interfaces", "expected"),
    [
        (":060101:ff4201:", True),  # a Pixel with MTP and adb
        (":ff4201:", True),  # any phone set to charging only
        (":ffff00:ff4201:0a0000:", True),
        (":060101:", False),  # USB debugging is off
        (":080650:", False),  # a stick
        ("", False),
    ],
)
def test_phones_with_adb_are_meant_and_nothing_else(interfaces: str, expected: bool) -> None:
    device = {"ACTION": "add", "SUBSYSTEM": "usb", "DEVTYPE": "usb_device"}
    assert applies({**device, "ID_USB_INTERFACES": interfaces}) is expected
    assert not applies({**device, "ACTION": "remove", "ID_USB_INTERFACES": interfaces})
    assert not applies({**device, "DEVTYPE": "usb_interface", "ID_USB_INTERFACES": interfaces})


def test_nobody_else_on_the_computer_may_open_them() -> None:
    assert [one for one in tokens() if one[1] not in ("==", "!=")] == [
        ("MODE", "=", "0660"),
        ("GROUP", "=", "plugdev"),
        ("TAG", "+=", "uaccess"),
    ]


def test_it_comes_between_the_rules_that_it_needs() -> None:
    """usb_id runs in 50-udev-default.rules, and uaccess is seen to in 73-seat-late.rules."""
    assert 50 < int(RULES.name.partition("-")[0]) < 73


def test_udev_itself_takes_it() -> None:
    """``udevadm verify`` came with systemd 254; older ones have nothing that only reads a file."""
    udevadm = shutil.which("udevadm")
    version = 0
    if udevadm is not None:
        told = subprocess.run([udevadm, "--version"], capture_output=True, text=True, check=False)
        version = int(re.sub(r"\D.*", "", told.stdout.strip()) or 0)
    if version >= 254:
        done = subprocess.run(
            [str(udevadm), "verify", "--resolve-names=never", str(RULES)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    else:
        assert tokens(), "read by the test's own parser above"
