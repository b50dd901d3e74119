"""One peer as a process that runs a forward for each line it reads.

    peer_serve.py torch|ort --model DIR --threads N

The protocol is that of `dinoscope bench --serve`: a line with a size in pixels is answered by
`{"size": 768, "ms": 123.4, "checksum": 5.6e5}`; `quit` or the end of the input ends it. A
process each keeps the thread pools and the memory of the peers apart.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from peer_input import checksum, deterministic_input


class Torch:
    """transformers in eager mode with the fused attention of PyTorch."""

    def __init__(self, folder: Path, threads: int):
        import torch
        from transformers import DINOv3ViTModel

        torch.set_num_threads(threads)
        self.torch = torch
        self.model = DINOv3ViTModel.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="sdpa"
        ).eval()

    def prepare(self, size: int, pixels):
        self.pixels = self.torch.from_numpy(pixels)

    def forward(self):
        with self.torch.inference_mode():
            return self.model(self.pixels).last_hidden_state.numpy()


class Ort:
    """ONNX Runtime on the CPU, all graph optimizations, a session a size."""

    def __init__(self, folder: Path, threads: int):
        import onnxruntime

        self.ort, self.folder = onnxruntime, folder
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1
        self.options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL

    def prepare(self, size: int, pixels):
        # The session of the size before goes first: two at once would double the peak memory.
        self.session = None
        path = self.folder / f"vit_{size}.onnx"
        self.session = self.ort.InferenceSession(
            str(path), self.options, providers=["CPUExecutionProvider"]
        )
        self.pixels = pixels

    def forward(self):
        return self.session.run(["tokens"], {"pixels": self.pixels})[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine", choices=["torch", "ort"])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    engine = {"torch": Torch, "ort": Ort}[args.engine](args.model, args.threads)
    prepared = None
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        size = int(line)
        if size != prepared:
            engine.prepare(size, deterministic_input(size))
            prepared = size
        start = time.perf_counter()
        tokens = engine.forward()
        ms = (time.perf_counter() - start) * 1e3
        print(json.dumps({"size": size, "ms": ms, "checksum": checksum(tokens)}), flush=True)


if __name__ == "__main__":
    main()
