"""Pictures as phones make them."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

RED = (220, 30, 30)


def heic(*, width: int, height: int, thumbnail: int = 0) -> bytes:
    """Red to the left and noise to the right; with a thumbnail behind it, if one is asked for."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    image = Image.effect_noise((width, height), 90).convert("RGB")
    image.paste(RED, (0, 0, width // 2, height))
    out = BytesIO()
    options = {"thumbnails": [thumbnail]} if thumbnail else {}
    image.save(out, "HEIF", quality=90, **options)
    return out.getvalue()


def heic_with_thumbnail(*, width: int, height: int) -> bytes:
    """One whose thumbnail comes first, as phones write it."""
    content = heic(width=width, height=height, thumbnail=320)
    begin = content.index(b"mdat") + 4
    iloc = content.index(b"iloc")
    # version 0 with 4 bytes for each number: base, one extent, its offset of 0, its length
    first, second = (iloc + 16 + one * 18 for one in range(2))
    picture_size, small_size = (
        int.from_bytes(content[at + 10 : at + 14], "big") for at in (first, second)
    )
    split = begin + picture_size
    assert len(content) == split + small_size
    made = bytearray(content[:begin] + content[split:] + content[begin:split])
    made[first : first + 4] = (begin + small_size).to_bytes(4, "big")
    made[second : second + 4] = begin.to_bytes(4, "big")
    return bytes(made)
