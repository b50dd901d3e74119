"""What every engine is fed and how its answer is summed up; numpy alone, so that a process
that imports it holds no second framework."""

import numpy as np


def deterministic_input(size: int) -> np.ndarray:
    """[1, 3, size, size] f32: element i is sin((i mod 1009) * 0.37)."""
    i = np.arange(3 * size * size) % 1009
    return np.sin(i * 0.37).astype(np.float32).reshape(1, 3, size, size)


def checksum(tokens: np.ndarray) -> float:
    """Sum of the absolute values of all tokens, in f64."""
    return float(np.abs(tokens.astype(np.float64)).sum())
