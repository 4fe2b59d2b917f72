"""Whole training steps of the networks of `benches/steps` in plain PyTorch (eager), as one JSON line.

    python torch_steps.py NET [THREADS [SECONDS [BATCH]]]

Tuned as a user would: for convolutions over pictures both memory formats are tried, and for the other
networks the fused, the many-tensor and the simple form of the update; the fastest is measured, in a
process of its own. The environment variable VARIANT names one and spares the trials; DEVICE=cuda measures
on a GPU, where a step ends when its loss has been read.
"""

import json
import os
import resource
import subprocess
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

WARM_UP, FEWEST = 3, 3
DEVICE = os.environ.get("DEVICE", "cpu")


def linear5():
    layers, width = [], 784
    for _ in range(4):
        layers += [nn.Linear(width, 512), nn.ReLU()]
        width = 512
    return nn.Sequential(*layers, nn.Linear(width, 10))


class Block(nn.Module):
    """relu(branch(x) + x); a shortcut to more channels takes every other pixel and adds zeros."""

    def __init__(self, inp, out, norm):
        super().__init__()
        self.stride, self.more = out // inp, out - inp
        self.conv1 = nn.Conv2d(inp, out, 3, self.stride, 1, bias=not norm)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=not norm)
        self.norm1, self.norm2 = (nn.BatchNorm2d(out) if norm else nn.Identity() for _ in range(2))

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        if self.more:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))
        return F.relu(y + x, inplace=True)


def resnet(depth, norm):
    blocks, inp = [], 16
    for out in (16, 32, 64):
        for _ in range((depth - 2) // 6):
            blocks.append(Block(inp, out, norm))
            inp = out
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=not norm), nn.BatchNorm2d(16) if norm else nn.Identity()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*stem, nn.ReLU(inplace=True), *blocks, *head)


class Attention(nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        parts = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(*parts.unbind(0), is_causal=self.causal)
        return self.out(y.transpose(1, 2).reshape(batch, tokens, width))


class Layer(nn.Module):
    def __init__(self, width, heads, causal):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, causal)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Gpt(nn.Module):
    def __init__(self, vocabulary=256, context=64, width=128, heads=4, layers=4):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(torch.zeros(context, width))
        self.layers = nn.Sequential(*(Layer(width, heads, True) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, x):
        y = self.layers(self.tokens(x) + self.positions)
        return self.head(self.norm(y)).flatten(0, 1)


class Vit(nn.Module):
    def __init__(self, patch=4, width=128, heads=4, layers=6):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros((32 // patch) ** 2 + 1, width))
        self.layers = nn.Sequential(*(Layer(width, heads, False) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.layers(x))[:, 0])


class TextCnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(20_000, 50, padding_idx=0)
        self.convs = nn.ModuleList(nn.Conv1d(50, 100, kernel) for kernel in (3, 4, 5))
        self.head = nn.Linear(300, 2)

    def forward(self, x):
        x = self.words(x).transpose(1, 2)
        most = [F.relu(conv(x).amax(2)) for conv in self.convs]
        return self.head(F.dropout(torch.cat(most, 1), 0.5, self.training))


def picture(batch):
    return torch.rand(batch, 3, 32, 32) * 2 - 1


def setting(name, batch):
    """The net, its inputs and labels, and its update."""

    def sgd(weights, **how):
        return torch.optim.SGD(weights, 0.001, 0.9, weight_decay=5e-4, **how)

    def labels(count, below=10):
        return torch.randint(below, (count,))

    if name == "linear5":
        batch = batch or 128
        return linear5(), torch.rand(batch, 784), labels(batch), sgd
    if name == "gpt":
        batch = batch or 32
        tokens = torch.randint(256, (batch, 64))
        return Gpt(), tokens, labels(batch * 64, 256), lambda w, **how: torch.optim.AdamW(w, 0.001, **how)
    if name == "textcnn":
        batch = batch or 50
        words = torch.randint(20_000, (batch, 56))
        return TextCnn(), words, labels(batch, 2), lambda w, **how: torch.optim.Adadelta(w, 0.001, **how)
    if name == "vit":
        batch = batch or 64
        return Vit(), picture(batch), labels(batch), lambda w, **how: torch.optim.AdamW(w, 0.001, **how)
    batch = batch or 128
    depth, norm = name.removeprefix("resnet").removesuffix("-bn"), name.endswith("-bn")
    return resnet(int(depth), norm), picture(batch), labels(batch), sgd


def variants(name):
    if name.startswith("resnet"):
        return ["channels_last+fused", "contiguous+fused"]
    if name == "textcnn":
        return ["contiguous+many", "contiguous+simple"]
    return ["contiguous+fused", "contiguous+many", "contiguous+simple"]


def resident():
    """The largest resident size so far, in MiB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def measure(name, threads, seconds, batch, variant):
    imported = resident()
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net, x, labels, update = setting(name, batch)
    net, x, labels = net.to(DEVICE), x.to(DEVICE), labels.to(DEVICE)
    how, form = variant.split("+")
    if how == "channels_last":
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    forms = {"fused": {"fused": True}, "many": {"foreach": True}, "simple": {"foreach": False}}
    update = update(net.parameters(), **forms[form])

    def step():
        update.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x), labels)
        loss.backward()
        update.step()
        if DEVICE != "cpu":
            loss.item()
            torch.cuda.synchronize()

    for _ in range(WARM_UP):
        step()
    begin, processor, walls = time.perf_counter(), time.process_time(), []
    while len(walls) < FEWEST or time.perf_counter() - begin < seconds:
        step_begin = time.perf_counter()
        step()
        walls.append((time.perf_counter() - step_begin) * 1e3)
    processor = (time.process_time() - processor) * 1e3 / len(walls)
    wall = sorted(walls)[len(walls) // 2]
    return {
        "peer": "pytorch",
        "net": name,
        "threads": threads,
        "batch": len(x),
        "steps": len(walls),
        "wall_ms": round(wall, 3),
        "cpu_ms": round(processor, 3),
        "examples_per_s": round(len(x) / wall * 1e3, 1),
        "peak_mib": resident(),
        "imported_mib": imported,
        "variant": variant,
        "version": torch.__version__,
        "device": DEVICE if DEVICE == "cpu" else torch.cuda.get_device_name(),
    }


def main():
    name, threads, seconds, batch = (sys.argv[1:] + ["1", "2", "0"][len(sys.argv) - 2 :])[:4]
    job = name, int(threads), float(seconds), int(batch)
    variant = os.environ.get("VARIANT")
    if variant:
        print(json.dumps(measure(*job, variant)))
        return
    # which variant is fastest is decided in short; each has a process of its own
    def apart(variant, seconds):
        command = [sys.executable, __file__, name, threads, str(seconds), batch]
        output = subprocess.run(
            command, env={**os.environ, "VARIANT": variant}, check=True, stdout=subprocess.PIPE
        )
        return json.loads(output.stdout)

    all_variants = variants(name)
    short = [apart(variant, min(float(seconds), 1.0)) for variant in all_variants]
    # processor time is hurt less by others on the machine, but on several threads it counts waiting
    by = "cpu_ms" if threads == "1" and DEVICE == "cpu" else "wall_ms"
    best = min(short, key=lambda result: result[by])["variant"]
    print(json.dumps(apart(best, seconds)))


if __name__ == "__main__":
    main()
