#!/usr/bin/env python3
"""Scores the matches of two pictures of one plane: the share that lands near the truth.

    pck.py MATCHES.csv HOMOGRAPHY.xml WIDTH HEIGHT     e.g. graf.csv H1to3p.xml 800 640
    pck.py MATCHES.csv identity WIDTH HEIGHT

MATCHES.csv is what `dinoscope match -o` wrote; HOMOGRAPHY.xml holds a 3 x 3 matrix in OpenCV's
storage, from pixels of the first picture to pixels of the second; WIDTH and HEIGHT are those of
the second picture. Rows whose true target is outside of it do not count. Prints one JSON line:
`rows` read, `inside` counted, `pck` by distance in pixels (null without rows), `median_error_px`.
"""

import argparse
import csv
import json
import math
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from statistics import median

DISTANCES_PX = (8, 16)
IDENTITY = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

Matrix = tuple[tuple[float, ...], ...]
Point = tuple[float, float]


def homography(source: str) -> Matrix:
    """The matrix of the first 3 x 3 entry of an OpenCV file, or the identity."""
    if source == "identity":
        return IDENTITY
    try:
        storage = ElementTree.parse(source).getroot()
    except (OSError, ElementTree.ParseError) as error:
        sys.exit(f"error: cannot read the homography, {error}: {source}")
    for entry in storage:
        shape = [entry.findtext(side, "").strip() for side in ("rows", "cols")]
        if shape == ["3", "3"]:
            values = [float(value) for value in entry.findtext("data", "").split()]
            if len(values) != 9 or not all(map(math.isfinite, values)):
                sys.exit(f"error: homography has {len(values)} values, expected 9 finite: {source}")
            return tuple(tuple(values[row : row + 3]) for row in (0, 3, 6))
    sys.exit(f"error: no 3 x 3 matrix in OpenCV's storage: {source}")


def matches(path: Path) -> list[tuple[Point, Point]]:
    """Pairs of points, in pixels of the first and of the second picture."""
    try:
        with path.open(newline="") as file:
            rows = csv.DictReader(file)
            missing = {"ax", "ay", "bx", "by"} - set(rows.fieldnames or ())
            if missing:
                sys.exit(f"error: no column {', '.join(sorted(missing))}: {path}")
            return [
                ((float(row["ax"]), float(row["ay"])), (float(row["bx"]), float(row["by"])))
                for row in rows
            ]
    except (OSError, TypeError, ValueError) as error:
        sys.exit(f"error: cannot read the matches, {error}: {path}")


def mapped(matrix: Matrix, point: Point) -> Point | None:
    """Where the plane shows `point` in the second picture; None at or behind its horizon."""
    x, y, w = (a * point[0] + b * point[1] + c for a, b, c in matrix)
    return (x / w, y / w) if w > 0 else None


def score(pairs: list[tuple[Point, Point]], matrix: Matrix, width: float, height: float) -> dict:
    errors = []
    for a, b in pairs:
        target = mapped(matrix, a)
        if target and 0 <= target[0] < width and 0 <= target[1] < height:
            errors.append(math.dist(target, b))
    hits = {px: sum(error <= px for error in errors) for px in DISTANCES_PX}
    return {
        "rows": len(pairs),
        "inside": len(errors),
        "pck": {str(px): hits[px] / len(errors) if errors else None for px in DISTANCES_PX},
        "median_error_px": median(errors) if errors else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("matches", type=Path, help="CSV of `dinoscope match`")
    parser.add_argument("homography", help="OpenCV XML file, or `identity`")
    parser.add_argument("width", type=float, help="of the second picture, in pixels")
    parser.add_argument("height", type=float)
    args = parser.parse_args()
    matrix = homography(args.homography)
    print(json.dumps(score(matches(args.matches), matrix, args.width, args.height)))


if __name__ == "__main__":
    main()
