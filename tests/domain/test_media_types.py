"""What a file is: its content decides where its name lies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.domain.media_types import (
    BY_EXTENSION,
    HEAD_BYTES,
    NEVER_MEDIA,
    PHOTO_LIMIT_BYTES,
    VIDEO_LIMIT_BYTES,
    Claim,
    claim,
    extension_of,
    limit_bytes,
    mime_type,
    sniff,
)


def ftyp(brand: bytes, *compatible: bytes) -> bytes:
    content = brand + b"\0\0\0\0" + b"".join(compatible)
    return (8 + len(content)).to_bytes(4, "big") + b"ftyp" + content + b"\0\0\0\x08free"


def bmp(header_bytes: int = 40) -> bytes:
    return b"BM" + b"\x46\0\0\0" + bytes(4) + b"\x36\0\0\0" + header_bytes.to_bytes(4, "little")


def packets(size: int, offset: int = 0, count: int = 8) -> bytes:
    return (bytes(offset) + b"\x47" + b"\xaa" * (size - 1 - offset)) * count


SAMPLES = [
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (bmp(), "image/bmp"),
    (bmp(124), "image/bmp"),
    (b"\0\0\1\0\3\0\x10\x10", "image/x-icon"),
    (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
    (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
    (b"II*\0\x08\0\0\0", "image/tiff"),
    (b"MM\0*\0\0\0\x08", "image/tiff"),
    (b"II*\0\x10\0\0\0CR\x02\0", "image/x-canon-cr2"),
    (b"IIRO\x08\0\0\0", "image/x-olympus-orf"),
    (b"IIU\0\x18\0\0\0", "image/x-panasonic-rw2"),
    (b"FUJIFILMCCD-RAW 0201", "image/x-fuji-raf"),
    (b"II\x1a\0\0\0HEAPCCDR\2\0", "image/x-canon-crw"),
    (ftyp(b"heic", b"mif1", b"heic"), "image/heic"),
    (ftyp(b"mif1", b"mif1", b"heic"), "image/heic"),
    (ftyp(b"mif1", b"mif1", b"avif", b"miaf"), "image/avif"),
    (ftyp(b"mif1"), "image/heif"),
    (ftyp(b"msf1", b"M4A "), "image/heif"),
    (ftyp(b"hevm", b"mif1"), "image/heic"),
    (ftyp(b"mif2", b"mif1", b"avif"), "image/avif"),
    (ftyp(b"avci", b"mif1"), "image/heif"),
    (ftyp(b"avif"), "image/avif"),
    (ftyp(b"crx "), "image/x-canon-cr3"),
    (ftyp(b"isom", b"mp42"), "video/mp4"),
    (ftyp(b"mp42"), "video/mp4"),
    (ftyp(b"qt  "), "video/quicktime"),
    (ftyp(b"M4V "), "video/x-m4v"),
    (ftyp(b"3gp4"), "video/3gpp"),
    (ftyp(b"3g2a"), "video/3gpp2"),
    (b"\0\0\0\x08wide\0\0\0\0mdat", "video/quicktime"),
    (b"\0\1\0\0moov\0\0\0\x6cmvhd", "video/quicktime"),
    (b"\x74\x65\x73\x74mdat", "video/quicktime"),  # a size that happens to be four letters
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\x82\x88matroska", "video/x-matroska"),
    (b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\x82\x84webm", "video/webm"),
    (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), "video/x-ms-asf"),
    (b"\0\0\1\xba\x44", "video/mpeg"),
    (b"\0\0\1\xb3\x14", "video/mpeg"),
    (packets(188), "video/mp2t"),
    (packets(192, offset=4), "video/mp2t"),
    (packets(204), "video/mp2t"),
]


@pytest.mark.parametrize(("head", "mime"), SAMPLES)
def test_the_content_tells_the_type(head: bytes, mime: str) -> None:
    assert sniff(head) == mime
    assert mime_type("no extension", head) == mime


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0" * HEAD_BYTES,
        b"plain text",
        b"BMW is a maker of cars, and this is a note about one",
        b"Dontskip this line",
        b"Feelfree to read",
        b"\0\0\1\0",
        b"\0\0\1\0\0\0\0\0",
        b"RIFF\x24\0\0\0WAVEfmt ",
        ftyp(b"M4A ", b"mp42"),
        b"\0\0\0\x18ftyp",
        b"\0\0\0\x18ftypis",
        b"%PDF-1.7",
        b"PK\3\4",
        packets(188, count=4),
        b"<?xml version='1.0'?><svg/>",
        b"ID3\4",
        b"\xff\xd8",
    ],
)
def test_other_content_is_no_media(head: bytes) -> None:
    assert sniff(head) is None
    assert mime_type("claims.jpg", head) is None


@given(st.binary(max_size=HEAD_BYTES), st.text(max_size=20))
def test_any_content_and_name_give_a_type_or_none(head: bytes, name: str) -> None:
    for found in (sniff(head), mime_type(name, head)):
        assert found is None or found.startswith(("image/", "video/"))


@given(st.sampled_from(SAMPLES), st.integers(0, 64), st.binary(max_size=64))
def test_a_file_cut_off_anywhere_gives_a_type_or_none(
    sample: tuple[bytes, str], length: int, tail: bytes
) -> None:
    found = sniff(sample[0][:length] + tail)
    assert found is None or found.startswith(("image/", "video/"))


@pytest.mark.parametrize(
    ("name", "head", "mime"),
    [
        ("a.jpg", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.heic", b"\xff\xd8\xff\xe1", "image/jpeg"),
        ("a.dng", b"II*\0\x08\0\0\0", "image/x-adobe-dng"),
        ("a.NEF", b"MM\0*\0\0\0\x08", "image/x-nikon-nef"),
        ("a.tif", b"MM\0*\0\0\0\x08", "image/tiff"),
        ("a.jpg", b"II*\0\x08\0\0\0", "image/tiff"),
        ("a.heif", ftyp(b"heic"), "image/heif"),
        ("a.mp4", ftyp(b"qt  "), "video/mp4"),
        ("a.mts", packets(192, offset=4), "video/mp2t"),
        ("a.wmv", bytes.fromhex("3026b2758e66cf11"), "video/x-ms-wmv"),
        ("a.mp4", b"\xff\xd8\xff\xe1", "image/jpeg"),
        ("a.xyz", b"GIF89a", "image/gif"),
    ],
)
def test_the_name_refines_but_never_overrules(name: str, head: bytes, mime: str) -> None:
    assert mime_type(name, head) == mime


@pytest.mark.parametrize(
    ("name", "claimed"),
    [
        ("a.jpg", Claim.MEDIA),
        ("a.JPEG", Claim.MEDIA),
        ("a.b.Mp4", Claim.MEDIA),
        ("a.txt", Claim.OTHER),
        ("a.jpg.XMP", Claim.OTHER),
        ("a.json", Claim.OTHER),
        ("a.pdf", Claim.OTHER),
        ("a.zip", Claim.OTHER),
        ("a", Claim.NOTHING),
        (".jpg", Claim.NOTHING),
        ("jpg", Claim.NOTHING),
        ("a.", Claim.NOTHING),
        ("a.jpg ", Claim.NOTHING),
        ("a.unknown", Claim.NOTHING),
    ],
)
def test_what_a_name_says(name: str, claimed: Claim) -> None:
    assert claim(name) is claimed


def test_every_type_of_the_api_is_known_by_its_extension() -> None:
    listed = """
        avif bmp gif heic ico jpg png tiff webp
        3gp 3g2 asf avi divx m2t m2ts m4v mkv mmv mod mov mp4 mpg mts tod wmv
    """  # google-photos-api.md §7
    assert set(listed.split()) <= BY_EXTENSION.keys()
    assert not NEVER_MEDIA & BY_EXTENSION.keys()


def test_extensions_are_lower_case_without_the_dot() -> None:
    assert [extension_of(name) for name in ("a.JPG", "a.b.c", "a", ".a", "a.")] == [
        *("jpg", "c", "", "", "")
    ]


def test_photos_and_videos_have_limits_of_their_own() -> None:
    assert limit_bytes("image/jpeg") == PHOTO_LIMIT_BYTES == 200_000_000
    assert limit_bytes("video/mp4") == VIDEO_LIMIT_BYTES == 20_000_000_000
