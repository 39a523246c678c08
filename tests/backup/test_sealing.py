"""Sealed streams: what goes in comes out, in little memory, and nothing that was changed does."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, BinaryIO

import pyrage
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from photosync.backup import keys
from photosync.backup.sealing import seal, unseal, unsealed
from photosync.errors import BackupAway, BackupLost, KeyMissing, KeyWrong, SettingsError, Stopping

if TYPE_CHECKING:
    from pathlib import Path

MINE = pyrage.x25519.Identity.generate()
OTHER = pyrage.x25519.Identity.generate()


def sealed(content: bytes) -> bytes:
    out = io.BytesIO()

    def write(block: bytes) -> None:
        out.write(block)

    seal(io.BytesIO(content).read, write, [MINE.to_public()])
    return out.getvalue()


CONTENT = bytes(range(256)) * 600
WHOLE = sealed(CONTENT)


@how(max_examples=60)
@given(st.binary(max_size=300), st.integers(0, 70_000), st.integers(1, 9000))
def test_what_goes_in_comes_out_however_it_is_read(seed: bytes, times: int, at_once: int) -> None:
    content = (seed * times)[:5_000_000]
    with unsealed(io.BytesIO(sealed(content)), [OTHER, MINE]) as plain:
        found = b"".join(iter(lambda: plain.read(at_once * 1000), b""))
    assert found == content


@how(max_examples=150)
@given(st.data())
def test_no_change_of_a_byte_and_no_cut_goes_unnoticed(data: st.DataObject) -> None:
    whole = WHOLE
    if data.draw(st.booleans()):
        broken = whole[: data.draw(st.integers(0, len(whole) - 1))]
    else:
        at = data.draw(st.integers(0, len(whole) - 1))
        flipped = whole[at] ^ data.draw(st.integers(1, 255))
        broken = whole[:at] + bytes([flipped]) + whole[at + 1 :]
    with (
        pytest.raises((BackupLost, KeyWrong)),
        unsealed(io.BytesIO(broken), [MINE]) as plain,
    ):
        assert plain.read() != CONTENT, "a stream that ends early raises"


def test_another_key_is_told_as_such() -> None:
    with pytest.raises(KeyWrong), unsealed(io.BytesIO(sealed(b"x")), [OTHER]) as plain:
        plain.read()


def test_what_is_not_sealed_at_all_is_told() -> None:
    with pytest.raises(BackupLost):
        unseal(io.BytesIO(b"\xff\xd8" * 1000).read, lambda _block: None, [MINE])


def test_whoever_reads_a_little_and_closes_waits_for_nothing() -> None:
    plain = unsealed(io.BytesIO(sealed(bytes(30_000_000))), [MINE])
    assert plain.read(10) == bytes(10)
    plain.close()
    assert plain.closed


def test_errors_on_the_way_are_raised_as_they_are() -> None:
    def read(_size: int) -> bytes:
        raise Stopping

    def write(_block: bytes) -> None:
        raise BackupAway("gone")

    with pytest.raises(Stopping):
        seal(read, lambda _block: None, [MINE.to_public()])
    with pytest.raises(BackupAway):
        seal(io.BytesIO(b"x").read, write, [MINE.to_public()])
    whole = sealed(b"x" * 3_000_000)
    with pytest.raises(Stopping):
        unseal(read, lambda _block: None, [MINE])
    with pytest.raises(BackupAway):
        unseal(io.BytesIO(whole).read, write, [MINE])

    class Gone(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 1_000_000:
                raise BackupAway("gone")
            return super().read(size)

    source: BinaryIO = Gone(whole)
    with pytest.raises(BackupAway), unsealed(source, [MINE]) as plain:
        plain.read()


LARGE = """
import io, resource, pyrage, sys
from photosync.backup.sealing import seal, unsealed
key = pyrage.x25519.Identity.generate()
size, left = {size}, [{size}]
block = bytes(1 << 20)
def read(most):
    some = min(most, left[0], len(block)); left[0] -= some
    return block[:some]
with open({file!r}, "wb") as out:
    seal(read, lambda some: out.write(some) and None, [key.to_public()])
opened = 0
with open({file!r}, "rb") as source, unsealed(source, [key]) as plain:
    while some := plain.read(1 << 20):
        opened += len(some)
assert opened == size
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_a_large_film_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    used_mib = []
    for size in (1 << 20, 400 << 20):
        code = LARGE.format(size=size, file=str(tmp_path / "film.age"))
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        used_mib.append(int(done.stdout))
    assert used_mib[1] - used_mib[0] < 40, used_mib


def test_a_new_key_is_for_its_owner_alone_and_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "state" / "key.txt"
    public = keys.new_identity(file, now=1.8e9)
    assert file.stat().st_mode & 0o777 == 0o600
    (identity,) = keys.read_identities(file)
    assert str(identity.to_public()) == public
    with pytest.raises(SettingsError):
        keys.new_identity(file, now=1.8e9)
    os.truncate(file, 30)
    with pytest.raises(KeyWrong):
        keys.read_identities(file)
    file.unlink()
    with pytest.raises(KeyMissing):
        keys.read_identities(file)


def test_keys_of_ssh_seal_and_open(tmp_path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True
    )
    public = (tmp_path / "key.pub").read_text().strip()
    pair = keys.Keys(keys.read_recipients([public]), keys.read_identities(tmp_path / "key"))
    keys.require_match(pair)
    assert keys.opened_bytes(keys.sealed_bytes(b"x", pair.recipients), pair.identities) == b"x"
    with pytest.raises(KeyWrong):
        keys.require_match(keys.Keys([OTHER.to_public()], pair.identities))


@pytest.mark.parametrize("text", ["age1xyz", "ssh-ed25519 AAAA", "ssh-rsa x"])
def test_a_public_key_that_is_none(text: str) -> None:
    with pytest.raises(SettingsError, match="is no public key"):
        keys.read_recipients([text])


@pytest.mark.parametrize("made", ["identity", "sealed key"])
def test_a_new_key_has_its_name_for_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """A power cut after --new-key must not take away what the first backup is sealed with."""
    synced: list[set[str]] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            synced.append(set(os.listdir(descriptor)))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    if made == "identity":
        keys.new_identity(tmp_path / "key", now=0)
    else:
        keys.write_new(tmp_path / "key", b"sealed")
    assert synced[-1] == {"key"}
