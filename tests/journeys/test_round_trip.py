"""Phone → mirror → library and a sealed backup in S3 → phone wiped → everything back."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.backup.test_s3 import KEY, SECRET, objects, photos
from tests.backup.test_s3 import bucket as bucket  # noqa: PLC0414 - a fixture
from tests.backup.test_s3 import endpoint as endpoint  # noqa: PLC0414 - a fixture
from tests.journeys.test_restoring import CONTENTS, lies_on, take_all, wipe

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import World
    from tests.lab.lab import AdbHost, LabPhone

pytestmark = pytest.mark.journey

SEALED, HIDDEN = "encrypt = true", "encrypt = true\nencrypt_names = true"


@pytest.mark.parametrize("how", [SEALED, HIDDEN], ids=["sealed", "names sealed too"])
def test_a_wiped_phone_out_of_a_sealed_backup_in_s3_alone(
    *,
    world: World,
    phone: LabPhone,
    host: AdbHost,
    tmp_path: Path,
    endpoint: str,
    bucket: str,
    how: str,
) -> None:
    options = f'{{endpoint_url = "{endpoint}", key = "{KEY}", secret = "{SECRET}"}}'
    mirror = tmp_path / "mirror"
    world.configure(
        phone=f"adb_port = {host.port}",
        more=f"[mirror]\npath = {json.dumps(str(mirror))}\nmin_free = 0\n"
        f'[backup]\nto = "s3://{bucket}/all/photos"\noptions = {options}\n{how}\n',
    )
    assert world.run("backup", "--new-key").returncode == 0
    take_all(phone)
    before = lies_on(phone)
    world.once()
    assert world.holds(*CONTENTS.values())
    items = world.json("status")["items"]
    stored = photos(endpoint, bucket)
    assert len(stored) == len({*CONTENTS.values()}), "each content once"
    assert all(one.startswith(b"age-encryption.org/v1\n") for one in stored.values())
    everything = objects(endpoint, bucket)
    if how == HIDDEN:
        told = "".join(everything).encode("utf-8", "replace") + b"".join(everything.values())
        assert not any(word in told for word in (b"twin of a", b"film", b"Lab Pixel", b"2020/09"))

    wipe(phone)
    shutil.rmtree(mirror / "Lab Pixel Lab")
    done = world.json("restore", "--all")

    assert done["parts"][0]["out_of"] == {"backup": len(CONTENTS)}
    assert lies_on(phone) == before
    world.once()
    assert world.json("status")["items"] == items
    assert objects(endpoint, bucket).keys() == everything.keys(), "nothing is brought there again"
