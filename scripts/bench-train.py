#!/usr/bin/env python3
"""Times training steps of Dinoscope and of PyTorch in turn, in one process each, and prints their ratio.

    cargo build --release --workspace --bin dinoscope
    python3 -m venv venv && venv/bin/pip install torch
    venv/bin/python scripts/bench-train.py PATH/TO/dinoscope [--rounds 9]

Both on 2 threads, f32. The steps are described in crates/train/src/bench.rs; PyTorch runs the same network (rotary
positions, layer scale, registers, exact GELU, scaled_dot_product_attention), heads, losses and torch.optim.AdamW (fused
where the CPU has it).
"""

import argparse
import copy
import json
import math
import statistics
import subprocess
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

DIM, DEPTH, HEADS, PATCH, REGISTERS, K = 192, 4, 3, 16, 4, 1024


def rope(side, head_dim):
    periods = 100 ** (torch.arange(head_dim // 4) / (head_dim // 4))
    at = 2 * (torch.arange(side) + 0.5) / side - 1
    angles = 2 * math.pi * at[:, None] / periods
    rows, cols = angles[:, None].expand(side, side, -1), angles[None].expand(side, side, -1)
    angles = torch.cat([rows, cols], -1).reshape(side * side, -1)
    return angles.cos(), angles.sin()


def turn(x, table):
    cos, sin = table
    a, b = x[:, :, 1 + REGISTERS:].chunk(2, -1)
    turned = torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
    return torch.cat([x[:, :, : 1 + REGISTERS], turned], 2)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        self.qkv, self.proj = nn.Linear(DIM, 3 * DIM), nn.Linear(DIM, DIM)
        self.fc1, self.fc2 = nn.Linear(DIM, 4 * DIM), nn.Linear(4 * DIM, DIM)
        self.gamma1, self.gamma2 = (nn.Parameter(torch.full((DIM,), 1e-5)) for _ in range(2))

    def forward(self, x, table):
        b, n, _ = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, n, 3, HEADS, DIM // HEADS).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(turn(q, table), turn(k, table), v)
        x = x + self.gamma1 * self.proj(y.transpose(1, 2).reshape(b, n, DIM))
        return x + self.gamma2 * self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Vit(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(3 * PATCH * PATCH, DIM)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, DIM))
        self.registers = nn.Parameter(0.02 * torch.randn(1, REGISTERS, DIM))
        self.mask = nn.Parameter(torch.zeros(DIM))
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(DIM)

    def forward(self, x, masks=None):
        b, _, h, _ = x.shape
        side = h // PATCH
        x = x.view(b, 3, side, PATCH, side, PATCH).permute(0, 2, 4, 1, 3, 5).reshape(b, side * side, -1)
        x = self.embed(x)
        if masks is not None:
            x = torch.where(masks[..., None], self.mask, x)
        x = torch.cat([self.cls.expand(b, -1, -1), self.registers.expand(b, -1, -1), x], 1)
        table = rope(side, DIM // HEADS)
        for block in self.blocks:
            x = block(x, table)
        x = self.norm(x)
        return x[:, 0], x[:, 1 + REGISTERS:]


class Head(nn.Module):
    def __init__(self):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(DIM, 512), nn.GELU(), nn.Linear(512, 512), nn.GELU(), nn.Linear(512, 128))
        self.last = nn.Linear(128, K, bias=False)

    def forward(self, x):
        return self.last(F.normalize(self.mlp(x), dim=-1))


def adamw(parameters):
    try:
        return torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.04, fused=True)
    except RuntimeError:
        return torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.04, foreach=True)


@torch.no_grad()
def sinkhorn(logits, temperature):
    q = torch.exp((logits - logits.max()) / temperature)
    q /= q.sum()
    n, k = q.shape
    for _ in range(3):
        q /= q.sum(0) * k
        q /= q.sum(1, keepdim=True) * n
    return q * n


class Plain:
    def __init__(self):
        self.net, self.x = Vit(), torch.randn(8, 3, 224, 224)
        self.optimizer = adamw(self.net.parameters())

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        cls, patches = self.net(self.x)
        ((cls.square().mean() - 1).square() + patches.square().mean()).backward()
        self.optimizer.step()


class Ssl:
    def __init__(self, pictures=4):
        self.b = pictures
        self.student = nn.ModuleDict({"net": Vit(), "dino": Head(), "ibot": Head()})
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.optimizer = adamw(self.student.parameters())
        self.globals, self.locals = torch.randn(2 * pictures, 3, 224, 224), torch.randn(6 * pictures, 3, 96, 96)
        self.masks = torch.zeros(2 * pictures, 196, dtype=torch.bool)
        for crop, count in enumerate([39, 58, 78, 98]):
            self.masks[2 * crop, torch.randperm(196)[:count]] = True
        self.weights = (1 / self.masks.sum(1).clamp(min=1)).repeat_interleave(self.masks.sum(1))

    def step(self):
        b = self.b
        with torch.no_grad():
            cls, patches = self.teacher["net"](self.globals)
            t_cls = sinkhorn(self.teacher["dino"](cls), 0.07).view(2, b, K)
            t_patch = sinkhorn(self.teacher["ibot"](patches[self.masks]), 0.07)
        self.optimizer.zero_grad(set_to_none=True)
        cls, patches = self.student["net"](self.globals, self.masks)
        local, _ = self.student["net"](self.locals)
        logp = F.log_softmax(self.student["dino"](torch.cat([cls, local])) / 0.1, -1).view(-1, b, K)
        across = -(t_cls.flip(0) * logp[:2]).sum() / (2 * b)
        down = -torch.einsum("tbk,sbk->", t_cls, logp[2:]) / (12 * b)
        logits = self.student["ibot"](patches[self.masks])
        ibot = -((t_patch * F.log_softmax(logits / 0.1, -1)).sum(-1) * self.weights).sum() / (2 * b)
        loss = across * 2 / 14 + down * 12 / 14 + ibot
        for crop in cls.view(2, b, -1):
            x = F.normalize(crop, dim=-1, eps=1e-8)
            near = (x @ x.T).fill_diagonal_(-1).argmax(1)
            loss = loss - 0.1 * torch.log((x - x[near] + 1e-8).norm(dim=1) + 1e-8).mean()
        loss.backward()
        for part in self.student.values():
            nn.utils.clip_grad_norm_(part.parameters(), 3.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_mul_(list(self.teacher.parameters()), 0.99)
            torch._foreach_add_(list(self.teacher.parameters()), list(self.student.parameters()), alpha=0.01)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    command = [arguments.program, "--device", "cpu", "--threads", "2", "bench", "--training", "--serve"]
    ours = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    print(f"PyTorch {torch.__version__}, {sum(p.numel() for p in Vit().parameters())} parameters")

    def our_step(kind):
        ours.stdin.write(kind + "\n")
        ours.stdin.flush()
        return json.loads(ours.stdout.readline())["ms"]

    for kind, peer in [("plain", Plain()), ("ssl", Ssl())]:
        ratios, times = [], []
        for round in range(arguments.rounds + 2):
            mine = our_step(kind)
            since = time.perf_counter()
            peer.step()
            theirs = (time.perf_counter() - since) * 1e3
            if round >= 2:
                ratios.append(mine / theirs)
                times.append((mine, theirs))
        mine, theirs = (statistics.median(column) for column in zip(*times))
        low, high = min(ratios), max(ratios)
        print(f"{kind}: Dinoscope {mine:.0f} ms, PyTorch {theirs:.0f} ms, ratio {statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
