"""Short videos that really play, each copy with bytes of its own.

The three clips were drawn with ffmpeg's own sources (gradients, mandelbrot, geq) and encoded
once with libx264 (baseline, yuv420p, faststart); they are nobody else's pictures.
"""

from __future__ import annotations

from importlib import resources

NAMES = ("sunset.mp4", "fractal.mp4", "waves.mp4")
BOX_HEAD_BYTES = 8


def clip(number: int, seed: int) -> bytes:
    """A clip, made unique by a box that every player skips."""
    name = NAMES[number // 10 % len(NAMES)]
    content = resources.files(__package__).joinpath("clips", name).read_bytes()
    return content + free_box(f"photosync sample {number} of seed {seed}".encode())


def free_box(content: bytes) -> bytes:
    """A ``free`` box, "irrelevant" to readers (ISO/IEC 14496-12 §8.1.2)."""
    return (BOX_HEAD_BYTES + len(content)).to_bytes(4, "big") + b"free" + content
