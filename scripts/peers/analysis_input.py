"""Features that look like a network's, the same in every run: what the analyses are timed on."""

from pathlib import Path

import numpy as np

# Directions that the patches share, each this much weaker than the one before.
DIRECTIONS, DECAY = 32, 0.8
NOISE, OFFSET = 0.5, 2.0


def features(maps: int, patches: int, dim: int) -> np.ndarray:
    """`[maps, patches, dim]` f32: a falling spectrum, noise and a common offset. All maps hold the
    patches of the first one in another order with noise of their own, so that they match."""
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((patches, DIRECTIONS)) * DECAY ** np.arange(DIRECTIONS)
    axes = rng.standard_normal((DIRECTIONS, dim))
    offset = OFFSET * rng.standard_normal(dim)
    out = np.empty((maps, patches, dim), "<f4")
    for place in out:
        place[:] = rng.permutation(scores) @ axes + offset
        place += NOISE * rng.standard_normal((patches, dim))
    return out


def write(path: Path, maps: int, patches: int, dim: int) -> None:
    """The features as a file of little-endian f32."""
    features(maps, patches, dim).tofile(path)


def read(path: str, maps: int, patches: int, dim: int) -> np.ndarray:
    """`[maps, patches, dim]`."""
    return np.fromfile(path, "<f4").reshape(maps, patches, dim)
