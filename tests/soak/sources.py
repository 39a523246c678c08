"""What happens to a user's files: in the folder, on the phone, and in between."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.journeys.conftest import jpeg, mp4, sha256
from tests.samples import picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.soak.ground import Ground

    Action = tuple[int, Callable[[], None]]

MIB = 1 << 20


class Folder:
    """Files come, change, move and go."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._chance = ground.chance

    def actions(self) -> list[Action]:
        return [
            (40, self.add),
            (4, self.add_film),
            (4, self.add_twin),
            (6, self.change),
            (6, self.move),
            (4, self.vanish),
            (3, self.write_slowly),
        ]

    def _name(self, suffix: str) -> str:
        self._ground.made += 1
        chance = self._chance
        return f"{chance.choice('abc')}/{chance.choice('xyz')}/{self._ground.made}{suffix}"

    def _photo(self) -> bytes:
        """One in four can be drawn, too."""
        if self._chance.random() < 0.25:
            return picture(self._ground.made)
        return jpeg(self._ground.made, self._chance.randrange(1000, 60_000))

    def _put(self, name: str, content: bytes) -> None:
        self._ground.ever.add(sha256(content))
        self._ground.world.put(name, content)

    def add(self) -> None:
        for _ in range(self._chance.choice([1, 1, 1, 10])):
            name = self._name(".jpg")
            self._put(name, self._photo())

    def add_film(self) -> None:
        name = self._name(".mp4")
        self._put(name, mp4(self._ground.made, self._chance.randrange(MIB, 6 * MIB)))

    def add_twin(self) -> None:
        if files := self._ground.files():
            self._put(self._name(".jpg"), self._chance.choice(files).read_bytes())

    def change(self) -> None:
        """Another version under the same name, put there at once."""
        if files := self._ground.files():
            file = self._chance.choice(files)
            self._ground.made += 1
            content = self._photo()
            self._ground.ever.add(sha256(content))
            hidden = file.with_name(f".{file.name}.new")
            hidden.write_bytes(content)
            hidden.replace(file)

    def move(self) -> None:
        if files := self._ground.files():
            file = self._chance.choice(files)
            target = self._ground.world.pictures / self._name(file.suffix)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.rename(target)

    def vanish(self) -> None:
        if files := self._ground.files():
            self._chance.choice(files).unlink()

    def write_slowly(self) -> None:
        name = self._name(".jpg")
        content = jpeg(self._ground.made, 50_000)
        self._ground.ever.add(sha256(content))
        file = self._ground.world.put(name, b"")
        with file.open("wb") as out:
            for at in range(0, len(content), 10_000):
                out.write(content[at : at + 10_000])
                out.flush()
                time.sleep(0.1)


class Phone:
    """Somebody takes pictures, and pulls the cable."""

    def __init__(self, ground: Ground) -> None:
        assert ground.phone is not None
        self._ground = ground
        self._chance = ground.chance
        self._phone = ground.phone

    def actions(self) -> list[Action]:
        return [(10, self.shoot), (2, self.shoot_film), (6, self.unplug), (1, self.stall)]

    def _shoot(self, content: bytes, suffix: str) -> None:
        """As a camera app does: under a hidden name first."""
        ground = self._ground
        ground.ever.add(sha256(content))
        folder = self._phone.storage / "DCIM" / self._chance.choice(["Camera", "Screenshots"])
        folder.mkdir(exist_ok=True)
        pending = folder / f".pending-1-{ground.made}{suffix}"
        pending.write_bytes(content)
        ground.shot[f"DCIM/{folder.name}/{ground.made}{suffix}"] = sha256(content)
        pending.rename(folder / f"{ground.made}{suffix}")

    def shoot(self) -> None:
        self._ground.made += 1
        self._shoot(jpeg(self._ground.made, self._chance.randrange(1000, 60_000)), ".jpg")

    def shoot_film(self) -> None:
        self._ground.made += 1
        self._shoot(mp4(self._ground.made, self._chance.randrange(MIB, 10 * MIB)), ".mp4")

    def unplug(self) -> None:
        """For a moment, or until the next time."""
        self._phone.unplug()
        if self._chance.random() < 0.8:
            time.sleep(self._chance.random() * 0.3)
            self._phone.plug()

    def stall(self) -> None:
        """Nothing comes through the cable; then somebody pulls it."""
        self._phone.cable.stall()
        time.sleep(self._chance.random())
        self._phone.unplug()
        self._phone.plug()
