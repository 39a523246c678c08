"""Little pictures that are pleasant to look at: hills, a sea, a town at night, balloons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from PIL import Image, ImageDraw

    Colour = tuple[int, int, int]
    Scene = Callable[[ImageDraw.ImageDraw, Random], None]

WIDTH, HEIGHT = 480, 360
SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((36, 74, 138), (250, 170, 100)),  # sunset
    ((90, 160, 220), (225, 240, 250)),  # noon
    ((250, 150, 130), (255, 225, 180)),  # morning
    ((60, 50, 110), (230, 130, 150)),  # dusk
)
NIGHT: tuple[Colour, Colour] = ((8, 12, 38), (48, 44, 96))
WHITE: Colour = (255, 255, 255)
LIT_SHARE = 0.45


def scene(number: int, random: Random) -> Image.Image:
    """A picture with its number in the corner; the same ``random`` gives the same one."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(image)
    painters: tuple[Scene, ...] = (_hills, _sea, _town, _balloons)
    painters[number % len(painters)](draw, random)
    _sign(draw, str(number))
    return image


def _hills(draw: ImageDraw.ImageDraw, random: Random) -> None:
    sky = random.choice(SKIES)
    _gradient(draw, *sky)
    _disc(draw, random, (255, 236, 190), 24)
    tint = (random.randint(20, 60), random.randint(70, 120), random.randint(60, 110))
    for layer in range(4):
        near = (layer + 1) / 4
        _ridge(
            draw,
            random,
            base=150 + 50 * layer,
            height=60 - 9 * layer,
            fill=_mix(sky[1], tint, near),
        )


def _sea(draw: ImageDraw.ImageDraw, random: Random) -> None:
    sky = random.choice(SKIES)
    _gradient(draw, *sky, bottom=200)
    _disc(draw, random, (255, 240, 205), 30)
    deep = (random.randint(10, 40), random.randint(70, 120), random.randint(120, 170))
    _gradient(draw, _mix(sky[1], deep, 0.5), deep, top=200)
    for _ in range(90):
        y = random.randint(206, HEIGHT)
        x, length = random.randint(0, WIDTH), random.randint(6, 10 + (y - 200) // 3)
        draw.line((x, y, x + length, y), fill=_mix(deep, WHITE, random.uniform(0.2, 0.7)), width=2)
    x, y = random.randint(90, WIDTH - 90), random.randint(215, 260)
    draw.polygon([(x, y - 70), (x, y - 8), (x + 36, y - 8)], fill=(250, 246, 238))
    draw.polygon(
        [(x - 26, y - 4), (x + 42, y - 4), (x + 28, y + 12), (x - 14, y + 12)], fill=(120, 62, 40)
    )


def _town(draw: ImageDraw.ImageDraw, random: Random) -> None:
    _gradient(draw, *NIGHT)
    for _ in range(70):
        draw.point((random.randrange(WIDTH), random.randrange(180)), fill=WHITE)
    _disc(draw, random, (240, 238, 220), 20)
    x = 0
    while x < WIDTH:
        width, top = random.randint(34, 70), random.randint(110, 260)
        shade = random.randint(16, 44)
        draw.rectangle((x, top, x + width - 3, HEIGHT), fill=(shade, shade, shade + 24))
        _windows(draw, random, (x + 6, top + 8, x + width - 12))
        x += width


def _windows(draw: ImageDraw.ImageDraw, random: Random, wall: tuple[int, int, int]) -> None:
    """Lit and dark windows between ``wall``'s left, top and right."""
    left, top, right = wall
    for y in range(top, HEIGHT - 10, 16):
        for x in range(left, right, 12):
            lit = random.random() < LIT_SHARE
            draw.rectangle((x, y, x + 5, y + 8), fill=(255, 214, 120) if lit else (30, 32, 60))


def _balloons(draw: ImageDraw.ImageDraw, random: Random) -> None:
    _gradient(draw, *random.choice(SKIES))
    for _ in range(9):
        x, y, radius = (
            random.randint(20, WIDTH - 20),
            random.randint(30, 280),
            random.randint(16, 42),
        )
        colour = (random.randint(150, 255), random.randint(40, 200), random.randint(40, 220))
        draw.line((x, y + radius, x + random.randint(-8, 8), y + radius * 3), fill=(90, 80, 80))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius * 1.15), fill=colour)
        shine = radius // 3
        draw.ellipse(
            (x - shine * 2, y - shine * 2, x - shine, y - shine), fill=_mix(colour, WHITE, 0.6)
        )


def _gradient(
    draw: ImageDraw.ImageDraw, above: Colour, below: Colour, *, top: int = 0, bottom: int = HEIGHT
) -> None:
    for y in range(top, bottom):
        draw.line((0, y, WIDTH, y), fill=_mix(above, below, (y - top) / (bottom - top)))


def _disc(draw: ImageDraw.ImageDraw, random: Random, fill: Colour, radius: int) -> None:
    """Sun or moon."""
    x, y = random.randint(60, WIDTH - 60), random.randint(40, 120)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)


def _ridge(
    draw: ImageDraw.ImageDraw, random: Random, *, base: int, height: int, fill: Colour
) -> None:
    waves = [(random.uniform(0.006, 0.03), random.uniform(0, 6.3)) for _ in range(3)]
    line = [
        (x, base - height * sum(math.sin(x * pace + at) for pace, at in waves) / 3)
        for x in range(0, WIDTH + 8, 8)
    ]
    draw.polygon([(0, HEIGHT), *line, (WIDTH, HEIGHT)], fill=fill)


def _sign(draw: ImageDraw.ImageDraw, text: str) -> None:
    from PIL import ImageFont

    font = ImageFont.load_default(34)
    for offset, fill in ((2, (0, 0, 0)), (0, WHITE)):
        draw.text((16 + offset, HEIGHT - 52 + offset), text, fill=fill, font=font)


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    """``share`` of ``other``, the rest of ``one``."""
    mixed = [round(a + (b - a) * share) for a, b in zip(one, other, strict=True)]
    return mixed[0], mixed[1], mixed[2]
