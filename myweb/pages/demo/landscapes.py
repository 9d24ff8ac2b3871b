"""
The pictures of the demonstration site: landscapes, drawn with Pillow alone.

Every scene is a function that lays one brush stroke over the other, the farthest first. Places and lengths are
fractions of the picture's width or height. The same scene always comes out the same.
"""

import math
from array import array
from collections.abc import Callable, Sequence
from io import BytesIO
from random import Random

from PIL import Image, ImageChops, ImageColor, ImageDraw, ImageFilter, ImageOps

Colour = tuple[int, int, int]
Point = tuple[float, float]
Stops = Sequence[tuple[float, str]]

FINE = 2  # masks are drawn this much larger, for smooth edges


def rgb(colour: str) -> Colour:
    return ImageColor.getrgb(colour)[:3]


def mix(one: str, other: str, share: float) -> str:
    """Return the colour `share` of the way from `one` to `other`."""
    pairs = zip(rgb(one), rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def column(height: int, stops: Stops) -> Image.Image:
    """Return a strip one pixel wide that runs through `stops`: (place from 0 to 1, colour)."""
    pixels = bytearray()
    for y in range(height):
        place = y / max(1, height - 1)
        after = next((i for i, stop in enumerate(stops) if stop[0] >= place), len(stops) - 1)
        (start, one), (end, other) = stops[max(0, after - 1)], stops[after]
        share = min(1.0, max(0.0, (place - start) / (end - start))) if end > start else 0.0
        pixels += bytes(rgb(mix(one, other, share)))
    return Image.frombytes("RGB", (1, height), bytes(pixels))


class Canvas:
    def __init__(self, seed: int, width: int = 2000, height: int = 1250) -> None:
        self.random = Random(seed)
        self.width, self.height = width, height
        self.image = Image.new("RGB", (width, height))

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    # Shapes: grey pictures, white where the brush leaves colour

    def noise(self, cells: float, stretch: float = 1, octaves: int = 5, roughness: float = 0.5) -> Image.Image:
        """Return clouds: `cells` of them side by side, each `stretch` times as wide as high."""
        small = self.width // 2, self.height // 2
        total = Image.new("L", small)
        for octave in range(octaves):
            across = max(2, round(cells * 2**octave))
            down = max(2, round(across * stretch * self.height / self.width))
            layer = Image.frombytes("L", (across, down), self.random.randbytes(across * down))
            total = Image.blend(total, layer.resize(small, Image.Resampling.BICUBIC), roughness**octave)
        return ImageOps.autocontrast(total).resize(self.size, Image.Resampling.BICUBIC)

    def line(self, cells: float, octaves: int = 8, roughness: float = 0.5) -> list[float]:
        """Return a ridge: one height from -1 to 1 for each column of a mask."""
        width = self.width * FINE
        total = [0.0] * width
        for octave in range(octaves):
            count = max(3, round(cells * 2**octave)) + 2
            if count > width:
                break
            knots = array("f", (self.random.uniform(-1, 1) * roughness**octave for _ in range(count)))
            strip = Image.frombytes("F", (count, 1), knots.tobytes()).resize((width, 1), Image.Resampling.BICUBIC)
            total = [a + b for a, b in zip(total, array("f", strip.tobytes()), strict=True)]
        top = max(abs(value) for value in total)
        return [value / top for value in total]

    def shape(self, *polygons: Sequence[Point]) -> Image.Image:
        """Return `polygons`, whose points are in pixels of the picture."""
        mask = Image.new("L", (self.width * FINE, self.height * FINE))
        draw = ImageDraw.Draw(mask)
        for polygon in polygons:
            draw.polygon([(x * FINE, y * FINE) for x, y in polygon], fill=255)
        return mask.reduce(FINE)

    def below(self, ridge: Sequence[float], trees: Sequence[Sequence[Point]] = ()) -> Image.Image:
        """Return everything below `ridge` (heights in pixels), with `trees` on it."""
        ground = [(x / FINE, y) for x, y in enumerate(ridge)]
        return self.shape([*ground, (self.width, self.height), (0, self.height)], *trees)

    def fade(self, *stops: tuple[float, int]) -> Image.Image:
        """Return stripes from top to bottom that run through `stops`: (place, how white)."""
        greys = [(place, mix("#000000", "#ffffff", grey / 255)) for place, grey in stops]
        return column(self.height, greys).convert("L").resize(self.size)

    def halo(self, x: float, y: float, radius: float) -> Image.Image:
        """Return a soft light around a point; `radius` is a fraction of the width."""
        side = round(radius * self.width * 2)
        light = ImageOps.invert(Image.radial_gradient("L")).point(lambda value: max(0, value - 75) * 1.41)
        light = light.point(lambda value: value * value / 255)
        mask = Image.new("L", self.size)
        corner = round(x * self.width - side / 2), round(y * self.height - side / 2)
        mask.paste(light.resize((side, side), Image.Resampling.BICUBIC), corner)
        return mask

    def box(self, x: float, y: float, across: float, up: float) -> list[Point]:
        """Return a rectangle in pixels: the middle of its foot, its width and its height."""
        return [(x - across / 2, y), (x + across / 2, y), (x + across / 2, y - up), (x - across / 2, y - up)]

    def disc(self, x: float, y: float, radius: float) -> Image.Image:
        return self.oval(x, y, radius, radius * self.width / self.height)

    def oval(self, x: float, y: float, across: float, down: float) -> Image.Image:
        steps = [math.tau * step / 90 for step in range(90)]
        return self.shape(
            [((x + across * math.cos(a)) * self.width, (y + down * math.sin(a)) * self.height) for a in steps]
        )

    def relief(self, texture: Image.Image, depth: float = 4) -> Image.Image:
        """Return `texture` as if it were ground lit from the upper left: grey where it is flat."""
        lit = ImageChops.subtract(texture, ImageChops.offset(texture, 3, 4), 1 / depth, 128)
        # What offset() has moved from one edge to the other is cut away.
        lit = lit.crop((4, 5, self.width, self.height)).resize(self.size, Image.Resampling.BICUBIC)
        return lit.filter(ImageFilter.GaussianBlur(0.7))

    # Brushes

    def wash(self, stops: Stops, mask: Image.Image | None = None, top: float = 0, bottom: float = 1) -> None:
        """Lay colours that change from `top` to `bottom`."""
        placed = [(top + place * (bottom - top), colour) for place, colour in stops]
        self.image.paste(column(self.height, placed).resize(self.size), mask=mask)

    def tint(self, colour: str, mask: Image.Image, strength: float = 1) -> None:
        if strength < 1:
            mask = mask.point(lambda value: value * strength)
        self.image.paste(rgb(colour), mask=mask)

    def shine(self, colour: str, mask: Image.Image, strength: float = 1) -> None:
        """Add light."""
        bands = [mask.point(lambda value, part=part: value * part * strength / 255) for part in rgb(colour)]
        self.image = ImageChops.screen(self.image, Image.merge("RGB", bands))

    def carve(self, texture: Image.Image, mask: Image.Image, strength: float) -> None:
        """Give what `mask` covers the light and shade of `texture`."""
        lit = ImageChops.soft_light(self.image, Image.merge("RGB", [texture] * 3))
        self.image.paste(Image.blend(self.image, lit, strength), mask=mask)

    def mist(self, y: float, thickness: float, colour: str, strength: float, cells: float = 2) -> None:
        """Lay a drifting bank of mist around `y`."""
        bank = self.fade((0, 0), (y - thickness, 0), (y, 255), (y + thickness, 0), (1, 0))
        drift = self.noise(cells, stretch=4, octaves=4).point(lambda value: 90 + value * 0.65)
        self.tint(colour, ImageChops.multiply(bank, drift), strength)

    def hills(
        self, y: float, swing: float, cells: float, stops: Stops, *, octaves: int = 8, roughness: float = 0.5,
        depth: float = 0.3, trees: float = 0,
    ) -> Image.Image:  # fmt: skip
        """Draw a range whose ridge swings around `y`, and return its shape; `trees` is their height."""
        ridge = [(y + swing * value) * self.height for value in self.line(cells, octaves, roughness)]
        mask = self.below(ridge, self.forest(ridge, trees * self.height) if trees else ())
        self.wash(stops, mask, top=min(ridge) / self.height, bottom=min(ridge) / self.height + depth)
        return mask

    def forest(self, ridge: Sequence[float], height: float, density: float = 0.2) -> list[list[Point]]:
        """Return spruces that stand along `ridge`, in groups."""
        groups = self.line(6, octaves=3)
        trees = []
        x = 0.0
        while x < self.width - 1:
            here = int(x * FINE)
            tall = height * (0.7 + 0.3 * groups[here]) * self.random.uniform(0.45, 1.1)
            if groups[here] > -0.55:
                trees.append(self.spruce(x, ridge[here] + height * 0.1, tall))
            x += height * density * self.random.uniform(0.2, 1.3) * (1.2 - 0.6 * groups[here])
        return trees

    def spruce(self, x: float, foot: float, height: float) -> list[Point]:
        tiers = 9
        left, right = [], []
        for tier in range(tiers):
            y = foot - height + height * (tier + 1) / tiers
            reach = height * 0.19 * ((tier + 1) / tiers) ** 0.85
            out, other = reach * self.random.uniform(0.7, 1.15), reach * self.random.uniform(0.7, 1.15)
            rise = height / tiers * 0.5
            left += [(x - out, y), (x - out * 0.42, y - rise * 0.6)]
            right += [(x + other, y), (x + other * 0.42, y - rise * 0.6)]
        return [(x, foot - height * 1.04), *right, *reversed(left)]

    def reflect(self, shore: float, colour: str, strength: float, ripple: float = 0.004) -> None:
        """Let everything below `shore` mirror what is above it."""
        edge = round(shore * self.height)
        mirrored = ImageOps.flip(self.image.crop((0, 0, self.width, edge)))
        mirrored = mirrored.filter(ImageFilter.GaussianBlur(2.2))
        waves = [self.random.uniform(0, math.tau) for _ in range(4)]
        for row in range(self.height - edge):
            near = row / (self.height - edge)
            swell = sum(
                math.sin(row * (0.5 / (1 + 6 * near)) * (i + 1) + phase) / (i + 1) for i, phase in enumerate(waves)
            )
            source = min(max(0, round(row * 0.96 + swell * ripple * self.height * near)), edge - 1)
            shift = round(swell * ripple * self.width * (0.15 + near))
            strip = mirrored.crop((0, source, self.width, source + 1))
            self.image.paste(ImageChops.offset(strip, shift, 0), (0, edge + row))
        depth = self.fade((0, 0), (shore, 90), (1, 255))
        depth.paste(0, (0, 0, self.width, edge))
        self.tint(colour, depth, strength)
        calm = self.noise(3, stretch=14, octaves=5).point(lambda value: max(0, value - 140) * 2)
        calm.paste(0, (0, 0, self.width, edge))
        self.tint("#ffffff", calm, 0.10)

    def stars(self, count: int, bottom: float, colour: str = "#f4f1ff") -> None:
        sky = Image.new("L", (self.width * FINE, self.height * FINE))
        draw = ImageDraw.Draw(sky)
        for _ in range(count):
            x, y = self.random.random() * sky.width, self.random.random() ** 1.2 * sky.height * bottom
            size = 0.6 + 2.6 * self.random.random() ** 9
            draw.ellipse((x - size, y - size, x + size, y + size), fill=round(self.random.uniform(60, 255)))
        points = sky.reduce(FINE)
        self.shine(colour, points)
        self.shine("#9fb6ff", points.filter(ImageFilter.GaussianBlur(3)), 0.9)

    def grain(self, strength: float = 2.5) -> Image.Image:
        """Return the picture with the grain of film, which also hides the steps in its gradients."""
        across, down = self.width // 2 * 2, self.height // 2 * 2
        speckles = Image.frombytes("L", (across, down), self.random.randbytes(across * down))
        speckles = speckles.resize(self.size).filter(ImageFilter.GaussianBlur(0.6))
        speckles = speckles.point(lambda value: 128 + (value - 128) * strength / 48)
        return ImageChops.add(self.image, Image.merge("RGB", [speckles] * 3), 1, -128)


def dawn() -> Image.Image:
    """Mountains behind mountains in the mist, just before the sun."""
    canvas = Canvas(11)
    canvas.wash(
        [(0, "#2e3f63"), (0.22, "#6b6f95"), (0.4, "#c79aa0"), (0.52, "#f1c3a0"), (0.62, "#fbe3bd"), (1, "#fbe3bd")]
    )
    canvas.tint("#f6d3c0", canvas.noise(3, stretch=7).point(lambda value: max(0, value - 120) * 1.6), 0.28)
    canvas.shine("#ffd9a0", canvas.halo(0.66, 0.5, 0.62), 0.75)
    canvas.shine("#fff3d6", canvas.halo(0.66, 0.5, 0.16), 0.9)
    canvas.shine("#fffbea", canvas.disc(0.66, 0.487, 0.021))
    far, near, haze = "#d9a7a0", "#1d2b46", "#f6d5b8"
    for step in range(7):
        share = step / 6
        colour = mix(far, near, share**0.8)
        y = 0.5 + 0.4 * share**1.25
        canvas.hills(
            y, 0.075 + 0.02 * share, 2.6 - share, [(0, colour), (1, mix(colour, haze, 0.55 - 0.45 * share))],
            roughness=0.5, depth=0.25, trees=0.018 * (step - 2) if step > 3 else 0,
        )  # fmt: skip
        if step < 6:
            canvas.mist(y + 0.12, 0.1, mix(haze, "#9aa4c0", share), 0.75 - 0.4 * share)
    return canvas.grain()


def lake() -> Image.Image:
    """A mountain lake on a still morning."""
    canvas = Canvas(29, 2000, 1333)
    shore = 0.6
    canvas.wash([(0, "#3f7ea6"), (0.3, "#9cc7d6"), (0.5, "#f4dfca"), (0.6, "#f7d9bd"), (1, "#f7d9bd")])
    canvas.tint("#ffffff", canvas.noise(2.5, stretch=5).point(lambda value: max(0, value - 135) * 2), 0.55)
    canvas.shine("#ffd7a8", canvas.halo(0.2, 0.5, 0.5), 0.5)
    for y, snow, rock in ((0.33, "#e3e9ec", "#a9c0cc"), (0.38, "#f2f4f4", "#6f90a6")):
        range_ = canvas.hills(
            y, 0.16, 3.2, [(0, snow), (0.25, snow), (0.6, rock), (1, "#b9cdd0")], roughness=0.5, depth=0.34
        )
        folds = canvas.noise(4, stretch=0.8, octaves=7, roughness=0.55).point(lambda value: 255 - abs(2 * value - 255))
        canvas.carve(canvas.relief(folds, 3), range_, 0.62)
        canvas.mist(0.55, 0.13, "#f3e3d3", 0.7)
    canvas.hills(0.5, 0.045, 3, [(0, "#5d8891"), (1, "#a9c3bf")], depth=0.2, trees=0.025)
    canvas.mist(0.595, 0.06, "#f3e6d8", 0.9)
    canvas.hills(0.555, 0.03, 2, [(0, "#1f4a4f"), (1, "#3d6b66")], depth=0.1, trees=0.07)
    canvas.mist(0.605, 0.025, "#f7ece0", 0.7)
    canvas.reflect(shore, "#12343f", 0.5)
    canvas.mist(shore + 0.006, 0.01, "#f7ece0", 0.5)
    reeds(canvas)
    return canvas.grain()


def reeds(canvas: Canvas) -> None:
    blades = []
    for _ in range(420):
        x = canvas.random.choice((0.0, 0.0, 1.0)) * canvas.width
        x = abs(x - abs(canvas.random.gauss(0, 0.11)) * canvas.width)
        foot, tall = 1.01 * canvas.height, canvas.height * canvas.random.uniform(0.06, 0.2)
        lean, thick = canvas.random.gauss(0.12, 0.16) * tall, canvas.random.uniform(1.5, 4)
        bend = (x + lean * 0.3, foot - tall * 0.6)
        blades.append([(x - thick, foot), bend, (x + lean, foot - tall), (bend[0] + thick, bend[1]), (x + thick, foot)])
    canvas.wash([(0, "#24474a"), (1, "#061417")], canvas.shape(*blades), top=0.8)


def dunes() -> Image.Image:
    """Dunes in the late sun, half of each in the shade."""
    canvas = Canvas(37)
    canvas.wash([(0, "#5f9fb8"), (0.28, "#bcd5d1"), (0.5, "#fbe6c4"), (1, "#fbe6c4")])
    canvas.shine("#fff0c8", canvas.halo(0.1, 0.36, 0.55), 0.8)
    dune(canvas, 0.62, 0.40, 0.9, 0.6, 0.0)
    dune(canvas, 0.18, 0.43, 0.5, 0.5, 0.15)
    dune(canvas, 0.86, 0.44, 0.6, 0.3, 0.3)
    dune(canvas, 0.47, 0.46, 0.55, 0.42, 0.5)
    dune(canvas, 0.08, 0.60, 0.5, 0.5, 0.68)
    dune(canvas, 0.74, 0.63, 0.75, 0.5, 0.85)
    dune(canvas, 0.27, 0.86, 0.6, 0.75, 1.0)
    return canvas.grain()


def dune(canvas: Canvas, x: float, y: float, left: float, right: float, share: float) -> None:
    """Draw a dune whose top is at (x, y); it reaches so far to its lit and to its shaded side."""
    height = 0.1 + 0.28 * share
    wobble = canvas.line(3, octaves=2)
    windward, lee = [], []
    for step in range(101):
        part = step / 100
        rise = 1 - (1 - part**1.25) ** 1.6
        sag = height * part**1.45 * (1 + 0.08 * wobble[step * 30])
        windward.append(((x - left * part) * canvas.width, (y + sag) * canvas.height))
        lee.append(((x + right * part) * canvas.width, (y + height * rise) * canvas.height))
    floor = [(canvas.width * 2.0, canvas.height * 1.3), (-canvas.width * 1.0, canvas.height * 1.3)]
    body = canvas.shape([*reversed(windward), *lee, *floor])
    crest = []
    for step in range(101):
        down = step / 100
        sweep = 0.16 * math.sin(down * 6.5) * (0.25 + down) - 0.42 * down**1.4
        crest.append(((x + sweep * (0.45 + 0.55 * share)) * canvas.width, (y + 0.75 * down) * canvas.height))
    shaded = ImageChops.multiply(canvas.shape([*lee, *floor[:1], *reversed(crest)]), body)
    lit, haze = mix("#f4cfa0", "#e8994a", share), mix("#f9e0bf", "#d98a45", share)
    canvas.wash([(0, lit), (1, haze)], body, top=y, bottom=y + 0.4)
    shadow = mix("#cfa08a", "#64323a", share**0.8)
    canvas.wash([(0, shadow), (1, mix(shadow, lit, 0.5))], shaded, top=y, bottom=y + 0.25 + 0.35 * share)
    ripples = canvas.relief(canvas.noise(14 + 10 * (1 - share), stretch=6, octaves=4), 3)
    canvas.carve(ripples, body, 0.12 + 0.2 * share)


def sea() -> Image.Image:
    """The moon over the sea, and a lighthouse."""
    canvas = Canvas(41, 2000, 1333)
    horizon, moon = 0.58, (0.36, 0.25)
    canvas.wash([(0, "#081427"), (0.35, "#17365a"), (0.58, "#5f8ba3"), (1, "#5f8ba3")])
    canvas.stars(350, 0.45)
    canvas.tint("#9db8c9", canvas.noise(2.5, stretch=6).point(lambda value: max(0, value - 120) * 1.7), 0.35)
    canvas.shine("#8fb4c9", canvas.halo(*moon, 0.55), 0.6)
    canvas.shine("#fff6dc", canvas.halo(*moon, 0.1), 0.6)
    canvas.shine("#fff8e6", canvas.disc(*moon, 0.031))
    water = canvas.shape(
        [(0, horizon * canvas.height), (canvas.width, horizon * canvas.height), canvas.size, (0, canvas.height)]
    )
    canvas.wash([(0, "#48758d"), (0.25, "#1d4563"), (1, "#050f1d")], water, top=horizon)
    for cells, near in ((70, 0), (24, 255)):
        closeness = canvas.fade((0, 255 - near), (horizon, 255 - near), (1, near))
        swell = canvas.relief(canvas.noise(cells, stretch=8, octaves=4, roughness=0.6), 4)
        canvas.carve(swell, ImageChops.multiply(water, closeness), 0.45)
    canvas.shine("#fff1cf", glitter(canvas, moon[0], horizon), 0.9)
    cliffs = [
        (horizon + 0.012 - 0.17 * max(0.0, (x / 4000 - 0.66) / 0.34) ** 0.75 * (1 + 0.16 * value)) * canvas.height
        for x, value in enumerate(canvas.line(9, roughness=0.55))
    ]
    foot = [(canvas.width, (horizon + 0.014) * canvas.height), (canvas.width * 0.64, (horizon + 0.012) * canvas.height)]
    head = [(x / FINE, y) for x, y in enumerate(cliffs) if x > 0.65 * 4000]
    canvas.wash([(0, "#0d1c2e"), (1, "#16304a")], canvas.shape([*head, *foot]), top=0.4, bottom=horizon)
    lighthouse(canvas, 0.84, cliffs[round(0.84 * 4000)] / canvas.height)
    rocks = [
        (0.93 - 0.13 * (1 - min(1, x / 1500)) ** 0.6 + 0.05 * value) * canvas.height
        for x, value in enumerate(canvas.line(8, roughness=0.55))
    ]
    canvas.wash([(0, "#0a1624"), (1, "#02060c")], canvas.below(rocks), top=0.8)
    return canvas.grain()


def glitter(canvas: Canvas, x: float, horizon: float) -> Image.Image:
    """Return the moon's path on the water: dashes that grow towards us."""
    mask = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(mask)
    for _ in range(2600):
        near = canvas.random.random() ** 1.4
        spread = 0.015 + 0.06 * near
        offset = canvas.random.gauss(0, spread)
        left = (x + offset) * canvas.width
        top = (horizon + 0.002 + (1 - horizon) * near) * canvas.height
        length, thickness = 3 + 34 * near * canvas.random.random(), 0.5 + 3.2 * near * canvas.random.random()
        light = 230 * math.exp(-((offset / spread) ** 2) / 2) * (1 - 0.55 * near)
        draw.ellipse((left - length, top - thickness, left + length, top + thickness), fill=round(light))
    return mask.filter(ImageFilter.GaussianBlur(0.8))


def lighthouse(canvas: Canvas, x: float, foot: float) -> None:
    canvas.shine("#ffe9b0", canvas.halo(x, foot - 0.135, 0.11), 0.8)
    x, foot, tall, wide = x * canvas.width, foot * canvas.height, 0.13 * canvas.height, 0.015 * canvas.width
    top = foot - tall
    beam = canvas.shape([(x, top - 10), (0, top - 0.13 * canvas.height), (0, top - 0.01 * canvas.height)])
    fading = Image.linear_gradient("L").rotate(90).resize(canvas.size).point(lambda value: value * 0.5)
    canvas.shine("#ffe9b0", ImageChops.multiply(beam.filter(ImageFilter.GaussianBlur(7)), fading), 0.5)
    tower = [(x - wide / 2, foot + 20), (x + wide / 2, foot + 20), (x + wide * 0.32, top), (x - wide * 0.32, top)]
    roof = [(x - wide * 0.4, top - 20), (x, top - 34), (x + wide * 0.4, top - 20)]
    canvas.tint("#132437", canvas.shape(tower, roof, canvas.box(x, top + 3, wide, 7)))
    canvas.shine("#fff6da", canvas.shape(canvas.box(x, top - 4, wide * 0.55, 15)))


def night() -> Image.Image:
    """The Milky Way over wooded hills; one window is lit."""
    canvas = Canvas(59)
    canvas.wash([(0, "#070b1e"), (0.45, "#16224a"), (0.72, "#3a4a7c"), (0.85, "#7c7aa0"), (1, "#7c7aa0")])
    band = Image.linear_gradient("L").resize((canvas.width * 2, 620))
    band = ImageChops.multiply(band, ImageOps.flip(band)).point(lambda value: min(255, value * 4))
    way = Image.new("L", (canvas.width * 2, canvas.height * 2))
    way.paste(band, (0, canvas.height - 310))
    way = way.rotate(52, Image.Resampling.BICUBIC, translate=(120, -180))
    way = way.crop((canvas.width // 2, canvas.height // 2, canvas.width * 3 // 2, canvas.height * 3 // 2))
    clouds = canvas.noise(5, octaves=7, roughness=0.6)
    dust = canvas.noise(4, octaves=7, roughness=0.65).point(lambda value: max(0, value - 120) * 2.2)
    glow = ImageChops.multiply(way, clouds)
    canvas.shine("#8d86c9", glow, 0.75)
    canvas.shine("#ffd9c2", ImageChops.multiply(glow, glow), 0.55)
    canvas.tint("#0c1130", ImageChops.multiply(dust, way.point(lambda value: value * value / 255)), 0.6)
    canvas.stars(2600, 0.9)
    canvas.shine("#7fd0c0", canvas.halo(0.3, 0.85, 0.6), 0.25)
    for step, (y, trees) in enumerate([(0.71, 0.0), (0.77, 0.02), (0.85, 0.045)]):
        colour = mix("#3b4673", "#0a1126", step / 2)
        canvas.hills(y, 0.05, 2.2, [(0, colour), (1, mix(colour, "#4a5683", 0.25))], depth=0.2, trees=trees)
        if step < 2:
            canvas.mist(y + 0.07, 0.06, "#6a78a8", 0.5)
    house(canvas, 0.6, 0.935)
    canvas.hills(0.965, 0.035, 2, [(0, "#050817"), (1, "#03050d")], trees=0.11)
    return canvas.grain(3)


def house(canvas: Canvas, x: float, y: float) -> None:
    canvas.shine("#ffb45c", canvas.halo(x, y - 0.02, 0.09), 0.75)
    x, y, unit = x * canvas.width, y * canvas.height, canvas.width * 0.0045
    eaves, ridge = y - 4 * unit, y - 7.2 * unit
    roof = [(x - 6 * unit, eaves), (x + 6 * unit, eaves), (x + 3.8 * unit, ridge), (x - 3.8 * unit, ridge)]
    canvas.tint("#0a0e1f", canvas.shape(canvas.box(x, y + 4 * unit, 10 * unit, 8.4 * unit)))
    canvas.wash(
        [(0, "#39446f"), (1, "#222a4c")],
        canvas.shape(roof, canvas.box(x + 2.4 * unit, ridge + unit, unit, 3 * unit)),
        top=0.85,
    )
    canvas.tint(
        "#ffdf9a",
        canvas.shape(*(canvas.box(x + side * unit, y - unit, 1.7 * unit, 1.9 * unit) for side in (-2.4, 1.2))),
    )


def birches() -> Image.Image:
    """A birch wood in autumn mist."""
    canvas = Canvas(67, 1400, 1867)
    canvas.wash([(0, "#d9d3a8"), (0.45, "#f5edcd"), (0.75, "#e6d59a"), (1, "#8a7a3c")])
    canvas.shine("#fff6d8", canvas.halo(0.6, 0.42, 0.7), 0.8)
    for step in range(5):
        share = step / 4
        trunks(canvas, share)
        leaves(canvas, share)
        y, brown = 0.77 + 0.16 * share, mix("#e9d79b", "#94682a", share)
        ground = canvas.hills(
            y, 0.012 + 0.012 * share, 2.5, [(0, brown), (1, mix("#d9bf74", "#4a3016", share))], depth=0.2
        )
        litter = ImageChops.multiply(
            canvas.noise(60, stretch=3, octaves=3).point(lambda value: max(0, value - 150) * 3), ground
        )
        canvas.tint(mix("#f2dd9a", "#d99a35", share), litter, 0.5)
        if step < 4:
            canvas.mist(0.7 + 0.1 * share, 0.3, "#f7efd2", 0.62 - 0.4 * share)
    return canvas.grain()


def trunks(canvas: Canvas, share: float) -> None:
    """Draw the birches of one depth; those of the nearest have `share` 1."""
    haze = "#efe4bf"
    count = round(20 - 15 * share)
    foot = (0.82 + 0.18 * share) * canvas.height
    whole, lit, marks = [], [], []
    for place in range(count):
        x = (place + canvas.random.uniform(0.1, 0.9)) / count * canvas.width
        wide = canvas.width * (0.006 + 0.03 * share) * canvas.random.uniform(0.7, 1.15)
        lean = canvas.random.uniform(-0.03, 0.03) * canvas.height
        bend = canvas.random.uniform(-0.012, 0.012) * canvas.width
        middle = [(x + lean * up / 20 + bend * math.sin(up / 20 * 3), foot * (1 - up / 20 * 1.02)) for up in range(21)]
        halves = [wide * (1 - 0.45 * up / 20) / 2 for up in range(21)]
        left, edge, right = (
            [(mx + side * half, my) for (mx, my), half in zip(middle, halves, strict=True)] for side in (-1, 0.15, 1)
        )
        whole.append([*left, *reversed(right)])
        lit.append([*left, *reversed(edge)])
        marks += bark(canvas, middle, halves)
    mask = canvas.shape(*whole)
    soft = canvas.shape(*lit).filter(ImageFilter.GaussianBlur(1 + 6 * share))
    canvas.tint(mix(haze, "#b9b4a6", share), mask)
    canvas.tint(mix(haze, "#faf6ea", 0.3 + 0.7 * share), ImageChops.multiply(soft, mask))
    canvas.tint(mix(haze, "#2a2420", 0.15 + 0.8 * share), ImageChops.multiply(canvas.shape(*marks), mask), 0.9)


def bark(canvas: Canvas, middle: Sequence[Point], halves: Sequence[float]) -> list[list[Point]]:
    marks = []
    for (x, y), half in zip(middle, halves, strict=True):
        for _ in range(7):
            edge = canvas.random.choice((-1.2, 1.2)) * half
            tip = edge - math.copysign(half * canvas.random.uniform(0.3, 1.5), edge)
            drop = half * canvas.random.uniform(0.05, 0.22)
            at = y + canvas.random.uniform(-45, 45)
            marks.append([(x + edge, at - drop), (x + tip, at), (x + edge, at + drop)])
    return marks


def leaves(canvas: Canvas, share: float) -> None:
    mask = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(mask)
    clumps = canvas.noise(3 + 3 * (1 - share), octaves=3).tobytes()
    for _ in range(6500):
        x, y = canvas.random.random() * canvas.width, canvas.random.random() ** 1.5 * canvas.height * 0.75
        size = 2 + 7 * share * canvas.random.random()
        if clumps[int(y) * canvas.width + int(x)] > 110 + 110 * y / canvas.height:
            draw.ellipse((x - size, y - size * 0.7, x + size, y + size * 0.7), fill=canvas.random.randrange(120, 255))
    canvas.wash([(0, mix("#e8d58c", "#d08a1c", share)), (1, mix("#f3e2a0", "#e8b23a", share))], mask, top=0, bottom=0.6)


def bamboo() -> Image.Image:
    """Bamboo in the mist after rain."""
    canvas = Canvas(97, 2000, 1333)
    canvas.wash([(0, "#b9d2bd"), (0.5, "#e9f1e1"), (1, "#a9c4a4")])
    canvas.shine("#fbfff0", canvas.halo(0.42, 0.4, 0.5), 0.8)
    for step in range(5):
        share = step / 4
        stalks(canvas, share)
        if step < 4:
            canvas.mist(0.55 + 0.1 * share, 0.5, "#edf4e6", 0.6 - 0.3 * share)
    return canvas.grain()


def stalks(canvas: Canvas, share: float) -> None:
    """Draw the bamboo of one depth; that of the nearest has `share` 1."""
    count = round(24 - 18 * share)
    stems, lit, joints, foliage = [], [], [], []
    for place in range(count):
        # The nearest leave the middle open.
        x = (place + canvas.random.uniform(0.1, 0.9)) / count
        if share > 0.6 and 0.27 < x < 0.6:
            continue
        x *= canvas.width
        wide = canvas.width * (0.003 + 0.014 * share) * canvas.random.uniform(0.75, 1.1)
        lean, bend = (
            canvas.random.uniform(-0.06, 0.06) * canvas.width,
            canvas.random.uniform(-0.02, 0.02) * canvas.width,
        )
        joint = wide * canvas.random.uniform(7, 9)
        y = canvas.height + canvas.random.random() * joint
        while y > -joint:
            up = 1 - y / canvas.height
            at, above = (x + lean * part + bend * part * part for part in (up, up + joint / canvas.height))
            half = wide / 2 * (1 - 0.3 * up)
            stems.append(
                [(at - half, y), (at + half, y), (above + half * 0.97, y - joint), (above - half * 0.97, y - joint)]
            )
            lit.append(
                [
                    (at - half * 0.7, y),
                    (at - half * 0.1, y),
                    (above - half * 0.1, y - joint),
                    (above - half * 0.7, y - joint),
                ]
            )
            joints.append(canvas.box(at, y + half * 0.16, half * 2.35, half * 0.3))
            if canvas.random.random() < 0.15 + 0.5 * up:
                foliage += spray(canvas, at, y, wide * 5.5 + canvas.width * 0.012)
            y -= joint
    haze, green = "#d3e3cf", mix("#b3cdb0", "#2c5a3a", share**0.9)
    mask = canvas.shape(*stems)
    canvas.tint(green, mask)
    glow = canvas.shape(*lit).filter(ImageFilter.GaussianBlur(1 + 4 * share))
    canvas.tint(mix(haze, "#9cbf7e", share), ImageChops.multiply(glow, mask), 0.75)
    canvas.tint(mix(haze, "#1c3a28", share), canvas.shape(*joints), 0.75)
    canvas.tint(mix("#bcd4b6", "#2f6a3c", share), canvas.shape(*foliage[::2]), 0.85)
    canvas.tint(mix("#c3d9bb", "#4f8a48", share), canvas.shape(*foliage[1::2]), 0.8)


def spray(canvas: Canvas, x: float, y: float, length: float) -> list[list[Point]]:
    """Return a twig's leaves, which hang."""
    side = canvas.random.choice((-1, 1))
    leaves = []
    for leaf in range(canvas.random.randrange(5, 10)):
        out = side * length * 0.22 * leaf
        start = x + out, y - abs(out) * 0.25 + length * 0.03 * leaf
        angle = math.pi / 2 - side * canvas.random.uniform(-0.35, 1.1)
        reach = length * canvas.random.uniform(0.6, 1.1)
        tip = start[0] + reach * math.cos(angle), start[1] + reach * math.sin(angle)
        across = -math.sin(angle) * reach * 0.07, math.cos(angle) * reach * 0.07
        belly = start[0] + (tip[0] - start[0]) * 0.35, start[1] + (tip[1] - start[1]) * 0.35
        leaves.append(
            [start, (belly[0] + across[0], belly[1] + across[1]), tip, (belly[0] - across[0], belly[1] - across[1])]
        )
    return leaves


def ink() -> Image.Image:
    """Hills in ink on paper, a red sun and a boat."""
    canvas = Canvas(73, 2000, 1333)
    paper = "#f1ece0"
    canvas.wash([(0, "#e6e2d6"), (0.5, paper), (1, "#e9e4d6")])
    canvas.tint("#c23b2b", canvas.disc(0.7, 0.24, 0.036), 0.88)
    canvas.mist(0.27, 0.04, paper, 0.8, cells=4)
    for step in range(6):
        share = step / 5
        y, swing = 0.36 + 0.34 * share, 0.13 - 0.05 * share
        ridge = [(y + swing * value) * canvas.height for value in canvas.line(2.4 + step % 3, roughness=0.5)]
        trees = canvas.forest(ridge, 0.03 * canvas.height, 0.5) if step == 5 else ()
        fading = canvas.fade((0, 255), (y - swing, 255), (y + 0.13, 40), (y + 0.22, 0), (1, 0))
        washes = canvas.noise(5, stretch=1.5, octaves=6, roughness=0.6).point(lambda value: 150 + value * 0.4)
        brush = ImageChops.multiply(ImageChops.multiply(canvas.below(ridge, trees), fading), washes)
        canvas.tint(mix("#9fb0b5", "#1c2b36", share), brush, 0.9)
    boat(canvas, 0.3, 0.87)
    return canvas.grain()


def boat(canvas: Canvas, x: float, y: float) -> None:
    x, y, unit = x * canvas.width, y * canvas.height, canvas.width * 0.011
    hull = [
        (x - 4 * unit, y - 0.5 * unit),
        (x - 3 * unit, y + 0.25 * unit),
        (x + 2.6 * unit, y + 0.25 * unit),
        (x + 4.4 * unit, y - 0.75 * unit),
        (x + 2.4 * unit, y - 0.25 * unit),
        (x - 2.6 * unit, y - 0.2 * unit),
    ]
    roof = [
        (
            x - 1.7 * unit + 1.5 * unit * (1 - math.cos(step / 12 * math.pi)),
            y - 0.2 * unit - 1.05 * unit * math.sin(step / 12 * math.pi),
        )
        for step in range(13)
    ]
    man = [
        (x + 2.5 * unit, y - 0.3 * unit),
        (x + 2.3 * unit, y - 1.5 * unit),
        (x + 2.6 * unit, y - 2.1 * unit),
        (x + 2.9 * unit, y - 1.5 * unit),
        (x + 2.9 * unit, y - 0.3 * unit),
    ]
    pole = [
        (x + 1.4 * unit, y - 3.6 * unit),
        (x + 4 * unit, y + 0.9 * unit),
        (x + 4.05 * unit, y + 0.85 * unit),
        (x + 1.5 * unit, y - 3.6 * unit),
    ]
    canvas.tint("#1c2b36", canvas.shape(hull, roof, man, pole), 0.92)
    for step in range(5):
        canvas.tint(
            "#1c2b36",
            canvas.oval(
                (x + step * 9) / canvas.width,
                (y + (0.7 + step * 0.5) * unit) / canvas.height,
                0.05 - 0.008 * step,
                0.0007,
            ),
            0.3,
        )


def terraces() -> Image.Image:
    """Rice terraces that hold the evening sky."""
    canvas = Canvas(83)
    top = 0.34
    canvas.wash([(0, "#7199b5"), (0.16, "#b4cad0"), (0.3, "#f9dcb0"), (1, "#f9dcb0")])
    canvas.tint("#fff2df", canvas.noise(2.5, stretch=5).point(lambda value: max(0, value - 130) * 2), 0.4)
    canvas.shine("#ffce8a", canvas.halo(0.5, 0.27, 0.5), 0.9)
    for step in range(3):
        canvas.hills(
            0.24 + 0.05 * step, 0.06, 2.4, [(0, mix("#a7a3b4", "#4b6a66", step / 2)), (1, "#d9cbb8")], depth=0.2
        )
        canvas.mist(0.33 + 0.04 * step, 0.06, "#f3e0c8", 0.6)
    field(canvas, top)
    canvas.mist(top + 0.01, 0.09, "#f8e2c4", 0.9)
    canvas.shine("#ffd59a", canvas.halo(0.5, 0.3, 0.55), 0.35)
    return canvas.grain()


def field(canvas: Canvas, top: float) -> None:
    """Draw steps that follow a rolling slope: each a strip of water or seedlings behind a bank of grass."""
    levels = 34
    slopes = [canvas.line(1.8, octaves=4, roughness=0.42) for _ in range(5)]
    for level in range(levels + 1):
        share = level / levels
        place = share * (len(slopes) - 1.001)
        part = place % 1 * place % 1
        one, other = slopes[int(place)], slopes[int(place) + 1]
        y, swing = top + 0.03 + (1.1 - top) * share**1.6, 0.03 + 0.13 * share
        edge = [(y + swing * (a + (b - a) * part)) * canvas.height for a, b in zip(one, other, strict=True)]
        rim, drop = 1.5 + 3 * share, 3 + 17 * share
        grass = mix("#a3ab7c", "#6f8436", share)
        canvas.tint(mix(grass, "#f4e3a6", 0.4), canvas.below(edge))
        canvas.wash(
            [(0, mix(grass, "#1f2b14", 0.35 + 0.3 * share)), (1, "#141d0e")],
            canvas.below([value + rim for value in edge]),
            top=y - swing,
            bottom=y + swing + 0.15,
        )
        surface = canvas.below([value + rim + drop for value in edge])
        if canvas.random.random() < 0.22:
            sky = [mix("#c9c07a", "#7f9a3a", share), mix("#b3b56c", "#4f7a2e", share)]
        else:
            warm, cold = mix("#fbe3c2", "#f3b98a", share * canvas.random.random()), mix("#d5c8c4", "#5a7f9c", share)
            sky = [warm, mix(warm, cold, canvas.random.uniform(0.6, 1))]
        canvas.wash([(0, sky[0]), (1, sky[1])], surface, top=y - swing, bottom=y + swing * 0.6 + 0.05)


SCENES: dict[str, Callable[[], Image.Image]] = {
    scene.__name__: scene for scene in (dawn, lake, dunes, sea, night, birches, bamboo, ink, terraces)
}


def draw(name: str) -> bytes:
    """Return the scene `name` as a JPEG file."""
    buffer = BytesIO()
    SCENES[name]().save(buffer, "JPEG", quality=93)
    return buffer.getvalue()
