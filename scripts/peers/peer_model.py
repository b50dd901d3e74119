"""Writes the model that the peers run: a ViT-S/16 with random weights, also as ONNX.

    peer_model.py DIR 224 448 768

DIR/config.json and DIR/model.safetensors are the Hugging Face layout that `dinoscope
--model DIR` reads; DIR/vit_<size>.onnx is the same network for one square input.
"""

import logging
import sys
import warnings
from pathlib import Path

import torch
from peer_input import deterministic_input
from transformers import DINOv3ViTConfig, DINOv3ViTModel

VIT_S16 = DINOv3ViTConfig(
    patch_size=16,
    hidden_size=384,
    intermediate_size=1536,
    num_hidden_layers=12,
    num_attention_heads=6,
    num_register_tokens=4,
    layer_norm_eps=1e-5,
    rope_theta=100.0,
)


def random_model() -> DINOv3ViTModel:
    """Random weights in which every part moves the output; a fresh initialization has
    biases of zero and layer scales of one, so that a missing term would go unseen."""
    torch.manual_seed(0)
    model = DINOv3ViTModel(VIT_S16)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("lambda1"):
                weight.uniform_(0.1, 0.5)
            elif name.endswith("bias"):
                weight.normal_(std=0.1)
            elif "norm" in name:
                weight.uniform_(0.8, 1.2)
            else:
                weight.normal_(std=0.05)
    return model.eval()


class Tokens(torch.nn.Module):
    """The model as a function from a picture to all tokens after the final norm."""

    def __init__(self, model: DINOv3ViTModel):
        super().__init__()
        self.model = model

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.model(pixels).last_hidden_state


def export_onnx(model: DINOv3ViTModel, size: int, path: Path) -> None:
    """One graph with static shapes, the form in which ONNX Runtime is fastest."""
    pixels = torch.from_numpy(deterministic_input(size))
    torch.onnx.export(
        Tokens(model),
        (pixels,),
        str(path),
        input_names=["pixels"],
        output_names=["tokens"],
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def main() -> None:
    folder, sizes = Path(sys.argv[1]), [int(size) for size in sys.argv[2:]]
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    model = random_model()
    model.save_pretrained(folder)
    for size in sizes:
        export_onnx(model, size, folder / f"vit_{size}.onnx")


if __name__ == "__main__":
    main()
