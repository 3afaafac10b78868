"""Drawn chest X-rays: thorax, ribs, spine, heart and two lungs of a given volume. Not patients."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import expit

EXTREMES = 0.66, 1.34  # lung volumes between which images show the class, see `lungfuse.demo.evidence`


class Frontal(NamedTuple):
    """A drawn frontal view: `pixels`, uint8; `lungs`, the lung mask; and `evidence`, where the lungs or the heart
    of an image of small volume and of one of large volume differ; bool. All are of shape (y, x)."""

    pixels: np.ndarray
    lungs: np.ndarray
    evidence: np.ndarray


def draw_frontal(rng: np.random.Generator, volume: float, opacities: int, px: int) -> Frontal:
    """Draw a frontal view of `px` by `px` pixels.

    Parameters
    ----------
    volume
        Lung volume relative to the thorax; 1 is normal.
    opacities
        Number of bright patches in the lungs.
    px
        Height and width in pixels.
    """
    x, y = _grid(rng, px)
    thorax = _inside(np.abs(x / 0.82) ** 2.6 + np.abs((y - 0.25) / 1.05) ** 4, 0.1)
    spine = np.exp(-((x / 0.11) ** 2))
    top = rng.uniform(-0.74, -0.70)
    heart_width = rng.uniform(0.26, 0.33)

    image = 0.10 + 0.50 * thorax + 0.16 * spine * thorax
    stretch = {side: rng.uniform(0.98, 1.02) for side in (-1, 1)}

    def organs(volume: float) -> tuple[np.ndarray, np.ndarray]:
        """The lungs and the heart at a volume."""
        diaphragm = top + 1.05 * volume
        heart = _inside(((x - 0.12) / heart_width) ** 2 + ((y - diaphragm + 0.20) / 0.27) ** 2, 0.25)
        lungs = np.zeros_like(x)
        for side, factor in stretch.items():
            height = (diaphragm - top) * factor - (0.06 if side < 0 else 0)
            lungs = np.maximum(lungs, _lung(x, y, side, top, height, width=0.33 + 0.04 * (volume - 1)))
        return lungs * (1 - heart), heart

    lungs, heart = organs(volume)
    least, most = (np.stack(organs(extreme)) > 0.5 for extreme in EXTREMES)
    ribs = 0.5 + 0.5 * np.sin(2 * np.pi * (y * 4.2 - 0.9 * x**2 + rng.uniform()))
    image -= lungs * (0.40 - 0.10 * ribs**4)
    image += 0.16 * heart * thorax + 0.10 * _clavicles(x, y) * thorax
    image += lungs * _opacities(rng, x, y, opacities)
    return Frontal(_expose(rng, image), lungs > 0.5, (least ^ most).any(axis=0))


def draw_lateral(rng: np.random.Generator, volume: float, px: int) -> np.ndarray:
    """Draw a lateral view: uint8 of shape (px, px)."""
    x, y = _grid(rng, px)
    thorax = _inside(np.abs(x / 0.62) ** 2.4 + np.abs((y - 0.15) / 1.0) ** 4, 0.1)
    spine = np.exp(-(((x - 0.45 + 0.2 * y**2) / 0.12) ** 2)) * (0.8 + 0.2 * np.sin(22 * y))
    lung = _inside((x / 0.46) ** 2 + ((y + 0.72 - 0.55 * volume) / (0.60 * volume)) ** 4, 0.2)
    heart = _inside(((x + 0.22) / 0.24) ** 2 + ((y - 0.28) / 0.26) ** 2, 0.15)
    return _expose(rng, 0.10 + 0.6 * thorax + 0.25 * spine * thorax - 0.38 * lung + 0.2 * heart * thorax)


def _grid(rng: np.random.Generator, px: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates in [-1, 1], moved, scaled and turned a little, as patients are."""
    line = np.linspace(-1, 1, px, dtype=np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    angle, scale = rng.normal(0, 0.03), rng.uniform(0.94, 1.06)
    x, y = x - rng.normal(0, 0.03), y - rng.normal(0, 0.03)
    return (x * np.cos(angle) - y * np.sin(angle)) / scale, (x * np.sin(angle) + y * np.cos(angle)) / scale


def _inside(distance: np.ndarray, softness: float) -> np.ndarray:
    """1 where `distance` is below 1, 0 above, with a soft edge."""
    return expit((1 - distance) * (3 / softness))


def _lung(x: np.ndarray, y: np.ndarray, side: int, top: float, height: float, width: float) -> np.ndarray:
    """One lung, pointed at the apex, with the dome of the diaphragm cut out of its base."""
    depth = (y - top) / height  # 0 at the apex, 1 at the base
    narrowing = np.clip(depth, 1e-3, 1) ** 0.35
    across = (x - side * (0.38 + 0.05 * depth)) / (width * narrowing)
    dome = 1 - 0.16 * np.clip(1 - across**2, 0, 1)
    edges = np.maximum(across**2 * np.sqrt(np.abs(across)), np.maximum(depth / dome, 1 - depth * 12))
    return _inside(edges, 0.12)


def _clavicles(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.exp(-(((y + 0.66 + 0.10 * np.abs(x)) / 0.025) ** 2)) * (np.abs(x) > 0.08)


def _opacities(rng: np.random.Generator, x: np.ndarray, y: np.ndarray, count: int) -> np.ndarray:
    total = np.zeros_like(x)
    for _ in range(count):
        centre_x, centre_y = (1 if rng.random() < 0.5 else -1) * rng.uniform(0.25, 0.5), rng.uniform(-0.45, 0.15)
        spread = rng.uniform(0.05, 0.12)
        total += rng.uniform(0.15, 0.3) * np.exp(-((x - centre_x) ** 2 + (y - centre_y) ** 2) / (2 * spread**2))
    return total


def _expose(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    grain = rng.standard_normal(image.shape, dtype=np.float32)
    image = gaussian_filter(image, 0.8) + 0.025 * grain + rng.normal(0, 0.03)
    return (255 * np.clip(image * rng.uniform(0.9, 1.1), 0, 1)).astype(np.uint8)
