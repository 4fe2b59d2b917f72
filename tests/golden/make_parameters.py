"""Writes parameters.txt: how many parameters networks have that are built from PyTorch's layers.

    python tests/golden/make_parameters.py

Each line is a network of the catalogue, what is chosen about it, and its number of parameters.
Needs PyTorch (any version) and nothing else. Running statistics are no parameters.
"""

import pathlib

from torch import nn

LINES = []
WORDS, CONTEXT = 64, 128


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def show(name, number, **chosen):
    settings = "".join(f" {key}={value}" for key, value in chosen.items())
    LINES.append(f"{name}{settings} {number}\n")


def residual(sizes, norm, bias):
    """Convolutions of these (inputs, outputs, kernel), with their norms."""
    total = sum(count(nn.Conv2d(i, o, k, bias=bias)) for i, o, k in sizes)
    return total + (sum(count(nn.BatchNorm2d(o)) for _, o, _ in sizes) if norm else 0)


def cifar(n, bottleneck=False, norm=True, conv=False, multiplier=False, fixup=False, width=16):
    bias = not norm and not fixup
    total = residual([(3, width, 3)], norm, bias)
    inputs, scalars = width, 0
    for stage in range(3):
        w = width << stage
        out = 4 * w if bottleneck else w
        for block in range(n):
            branch = [(inputs, w, 3), (w, w, 3)]
            if bottleneck:
                branch = [(inputs, w, 1), (w, w, 3), (w, out, 1)]
            total += residual(branch, norm, bias)
            if conv and (inputs != out or (stage > 0 and block == 0)):
                total += residual([(inputs, out, 1)], norm, bias)
            scalars += 1 + 2 * len(branch) if fixup else int(multiplier)
            inputs = out
    return total + scalars + (2 if fixup else 0) + count(nn.Linear(inputs, 10))


for n in (1, 3, 5, 7, 9, 18, 200):
    depth = 6 * n + 2
    show("resnet", cifar(n), depth=depth)
    show("resnet", cifar(n, norm=False), depth=depth, norm="none")
    show("resnet", cifar(n, norm=False, multiplier=True), depth=depth, norm="none", multiplier="yes")
    show("resnet", cifar(n, multiplier=True), depth=depth, multiplier="yes", shortcut="split")
    show("resnet", cifar(n, norm=False, fixup=True), depth=depth, norm="none", fixup="yes")
    show("resnet", cifar(n, conv=True), depth=depth, shortcut="conv")
    show("resnet", cifar(n, conv=True, norm=False), depth=depth, shortcut="conv", norm="none")
show("resnet", cifar(3, width=32), depth=20, width=32)
for n in (1, 14):
    chosen = dict(depth=9 * n + 4, bottleneck="yes")
    show("resnet", cifar(n, bottleneck=True), **chosen)
    show("resnet", cifar(n, bottleneck=True, conv=True), **chosen, shortcut="conv")
    show("resnet", cifar(n, True, norm=False, fixup=True), **chosen, norm="none", fixup="yes")

w = 96
SIZES = [(3, w, 3), (w, w, 3), (w, w, 3), (w, 2 * w, 3), (2 * w, 2 * w, 3), (2 * w, 2 * w, 3)]
SIZES += [(2 * w, 2 * w, 3), (2 * w, 2 * w, 1)]
last = count(nn.Conv2d(2 * w, 10, 1))
show("allconv", residual(SIZES, False, True) + last)
show("allconv", residual(SIZES, True, False) + last, norm="batch")


def blocks(layers, width, heads, inner):
    return layers * count(nn.TransformerEncoderLayer(width, heads, inner))


def vit(side, patch, layers, width, heads, inner, classes):
    tokens = (side // patch) ** 2 + 1
    ends = count(nn.Conv2d(3, width, patch), nn.LayerNorm(width), nn.Linear(width, classes))
    return ends + width + tokens * width + blocks(layers, width, heads, inner)


show("vit", vit(32, 4, 6, 128, 4, 512, 10))
show("vit", vit(32, 8, 2, 48, 3, 96, 10), patch=8, layers=2, width=48, heads=3, inner=96)
show("vit-b32", vit(224, 32, 12, 768, 12, 3072, 1000))


def gpt(layers, width, heads, context=CONTEXT, vocabulary=256):
    tables = count(nn.Embedding(vocabulary, width), nn.Embedding(context, width))
    ends = count(nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False))
    return tables + blocks(layers, width, heads, 4 * width) + ends


show("gpt", gpt(8, 512, 8))
show("gpt", gpt(96, 512, 8), layers=96)
show("gpt", gpt(4, 128, 4, 64), layers=4, width=128, heads=4, context=64)
show("gpt", gpt(4, 128, 4, 128, 65), layers=4, width=128, heads=4, vocabulary=65, dropout=0.1)

V, D = 20_000, 50
words = count(nn.Embedding(V, D))
convolutions = [nn.Conv1d(D, 100, k) for k in (3, 4, 5)]
show("textcnn", words + count(*convolutions, nn.Linear(300, 2)))
for cell, layer in (("lstm", nn.LSTM), ("gru", nn.GRU), ("rnn", nn.RNN)):
    for layers in (1, 2):
        both = layer(D, 128, layers, bidirectional=True)
        show("textrnn", words + count(both, nn.Linear(256, 2)), cell=cell, layers=layers)
ends = count(nn.LayerNorm(D), nn.Linear(D, 2))
show("transformer", words + WORDS * D + blocks(2, D, 5, 200) + ends)

pathlib.Path(__file__).with_name("parameters.txt").write_text("".join(LINES))
