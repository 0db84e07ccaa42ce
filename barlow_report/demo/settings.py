"""What stands behind the objects: rooms with a table, and open country."""

import numpy as np

from barlow_report.demo.canvas import Canvas, Colour, darker, lighter, mix
from barlow_report.demo.shapes import arc, box, ellipse, rounded_box, smooth

__all__ = ["choose", "draw_country", "draw_room", "draw_sea", "uniform"]

_WALLS: tuple[Colour, ...] = (
    (236, 225, 208),
    (214, 224, 232),
    (238, 214, 208),
    (222, 214, 232),
    (205, 220, 215),
    (232, 229, 224),
    (196, 208, 224),
)
_TABLES: tuple[Colour, ...] = ((176, 126, 84), (143, 98, 68), (202, 160, 118), (120, 108, 110), (222, 212, 200))
_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((120, 178, 226), (214, 234, 246)),
    ((146, 190, 222), (246, 232, 214)),
    ((164, 184, 214), (232, 226, 232)),
    ((104, 164, 210), (190, 222, 238)),
)
_LAWNS: tuple[Colour, ...] = ((126, 172, 92), (150, 184, 104), (108, 158, 98), (170, 186, 112))


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number between `low` and `high`."""
    return float(low + (high - low) * rng.random())


def choose(rng: np.random.Generator, colours: tuple[Colour, ...], *, jitter: float = 10.0) -> Colour:
    """Return one of `colours`, each channel moved by up to `jitter`."""
    colour = np.array(colours[int(rng.integers(len(colours)))]) + rng.uniform(-jitter, jitter, size=3)
    red, green, blue = (int(value) for value in np.clip(np.round(colour), 0, 255))
    return red, green, blue


def draw_room(canvas: Canvas, rng: np.random.Generator) -> float:
    """Draw a wall and a table; return the height (0 top to 1 bottom) of the table's far edge."""
    wall = choose(rng, _WALLS, jitter=8)
    canvas.shaded(box(0, 0, 1, 1), lighter(wall, uniform(rng, 0.1, 0.5)), darker(wall, uniform(rng, 0.0, 0.12)))
    edge = uniform(rng, 0.6, 0.7)
    _draw_wallpaper(canvas, rng, wall, edge)
    if rng.random() < 0.6:
        _draw_picture(canvas, rng)
    table = choose(rng, _TABLES, jitter=8)
    canvas.shaded(box(0, edge, 1, 1), lighter(table, 0.16), darker(table, 0.16), towards="down")
    canvas.polygon(box(0, edge, 1, edge + 0.012), lighter(table, 0.35))
    for _ in range(int(rng.integers(2, 5))):
        y, x, length = uniform(rng, edge + 0.05, 0.98), uniform(rng, -0.2, 0.8), uniform(rng, 0.2, 0.6)
        canvas.polygon(box(x, y, x + length, y + 0.007), darker(table, 0.2), opacity=0.5)
    return edge


def _draw_wallpaper(canvas: Canvas, rng: np.random.Generator, wall: Colour, edge: float) -> None:
    kind = rng.random()
    ink = darker(wall, 0.07) if rng.random() < 0.5 else lighter(wall, 0.3)
    if kind < 0.25:
        step, start = uniform(rng, 0.1, 0.18), uniform(rng, 0.0, 0.1)
        for x in np.arange(start, 1.0, step):
            canvas.polygon(box(x, 0, x + step * 0.45, edge), ink, opacity=0.7)
    elif kind < 0.4:
        height = edge - uniform(rng, 0.12, 0.2)
        canvas.polygon(box(0, height, 1, edge), ink, opacity=0.8)
        canvas.polygon(box(0, height, 1, height + 0.012), darker(ink, 0.12))


def _draw_picture(canvas: Canvas, rng: np.random.Generator) -> None:
    """Hang a small landscape on the wall."""
    width, height = uniform(rng, 0.16, 0.26), uniform(rng, 0.16, 0.24)
    x = uniform(rng, -0.05, 0.12) if rng.random() < 0.5 else uniform(rng, 0.7, 0.86)
    y = uniform(rng, 0.04, 0.16)
    frame = choose(rng, ((248, 244, 236), (96, 84, 82), (168, 140, 116)))
    canvas.polygon(box(x + 0.012, y + 0.016, x + width + 0.012, y + height + 0.016), (30, 26, 50), opacity=0.18)
    canvas.polygon(box(x, y, x + width, y + height), frame)
    inner = (x + 0.022, y + 0.022, x + width - 0.022, y + height - 0.022)
    sky = choose(rng, ((176, 204, 224), (236, 208, 190), (202, 208, 226)))
    canvas.polygon(box(*inner), sky)
    middle = (inner[1] + inner[3]) / 2
    hill = smooth(
        [
            (inner[0], middle + uniform(rng, 0.0, 0.04)),
            ((inner[0] + inner[2]) / 2, middle + uniform(rng, -0.03, 0.05)),
            (inner[2], middle + uniform(rng, 0.0, 0.04)),
        ],
        closed=False,
    )
    ground = np.concatenate([hill, [[inner[2], inner[3]], [inner[0], inner[3]]]])
    canvas.polygon(ground, mix(sky, (112, 128, 132), 0.6))


def draw_country(canvas: Canvas, rng: np.random.Generator) -> float:
    """Draw sky, hills and a lawn; return the height (0 top to 1 bottom) of the horizon."""
    top, bottom = _SKIES[int(rng.integers(len(_SKIES)))]
    horizon = uniform(rng, 0.5, 0.6)
    canvas.shaded(box(0, 0, 1, horizon + 0.05), top, bottom, towards="down")
    _draw_sky(canvas, rng)
    lawn = choose(rng, _LAWNS, jitter=8)
    for share, lift in ((0.5, 0.09), (0.25, 0.04)):
        heights = [(x, horizon - uniform(rng, 0.0, lift)) for x in np.linspace(-0.1, 1.1, 5)]
        hill = np.concatenate([smooth(heights, closed=False), [[1.1, 1.0], [-0.1, 1.0]]])
        canvas.polygon(hill, mix(lawn, bottom, share))
    canvas.shaded(box(0, horizon, 1, 1), lighter(lawn, 0.1), darker(lawn, 0.22), towards="down")
    for _ in range(int(rng.integers(8, 14))):
        x, y = uniform(rng, 0, 1), uniform(rng, horizon + 0.04, 1)
        tuft = smooth([(x - 0.02, y), (x - 0.012, y - 0.03), (x, y - 0.01), (x + 0.012, y - 0.035), (x + 0.02, y)])
        canvas.polygon(tuft, darker(lawn, 0.25), opacity=0.6)
    return horizon


def draw_sea(canvas: Canvas, rng: np.random.Generator) -> float:
    """Draw sky and water; return the height (0 top to 1 bottom) of the horizon."""
    top, bottom = _SKIES[int(rng.integers(len(_SKIES)))]
    horizon = uniform(rng, 0.52, 0.62)
    canvas.shaded(box(0, 0, 1, horizon + 0.05), top, bottom, towards="down")
    _draw_sky(canvas, rng)
    water = choose(rng, ((74, 136, 176), (88, 150, 170), (66, 116, 160)))
    canvas.shaded(box(0, horizon, 1, 1), lighter(water, 0.3), darker(water, 0.2), towards="down")
    for _ in range(int(rng.integers(7, 12))):
        x, y, length = uniform(rng, -0.1, 0.9), uniform(rng, horizon + 0.05, 0.98), uniform(rng, 0.08, 0.25)
        wave = arc(x + length / 2, y, width=length, height=0.02, start=180, end=360)
        canvas.stroke(wave, lighter(water, 0.45), width=0.008)
    return horizon


def _draw_sky(canvas: Canvas, rng: np.random.Generator) -> None:
    if rng.random() < 0.5:
        x, y, size = uniform(rng, 0.08, 0.92), uniform(rng, 0.08, 0.22), uniform(rng, 0.1, 0.15)
        canvas.polygon(ellipse(x, y, width=size * 1.5, height=size * 1.5), (255, 244, 214), opacity=0.4)
        canvas.polygon(ellipse(x, y, width=size, height=size), (255, 240, 190))
    for _ in range(int(rng.integers(1, 4))):
        x, y, size = uniform(rng, 0, 1), uniform(rng, 0.05, 0.32), uniform(rng, 0.12, 0.26)
        for shift, share, lift in ((-0.3, 0.5, 0.0), (0.0, 0.7, 0.08), (0.32, 0.5, 0.0)):
            puff = ellipse(x + shift * size, y - lift * size, width=share * size, height=share * size * 0.62)
            canvas.polygon(puff, (255, 255, 255), opacity=0.75)
        base = rounded_box(x - size * 0.6, y, x + size * 0.62, y + size * 0.17, radius=size * 0.08)
        canvas.polygon(base, (255, 255, 255), opacity=0.75)
