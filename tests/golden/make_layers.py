"""Writes layers.txt, recurrent.txt and updates.txt: PyTorch's outputs, losses, gradients and trajectories.

    python tests/golden/make_layers.py

Weights and inputs are multiples of 1/64, so that f32 holds them exactly; PyTorch computes in f64.
Tensors are in PyTorch's layout (NCHW, OIHW), under PyTorch's names.
"""

import pathlib
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional

torch.set_default_dtype(torch.float64)
torch.manual_seed(20)
HERE = pathlib.Path(__file__).parent
VERSIONS = (
    f"python {sys.version.split()[0]}, torch {torch.__version__} (CPU, f64), numpy {numpy.__version__}"
)


class PixelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each pixel."""

    def forward(self, x):
        if x.dim() == 2:
            return super().forward(x)
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ScalarBias(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x + self.bias


class Multiplier(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x * self.weight


class GlobalAverage(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


class Shortcut(nn.Module):
    """Option A of He et al. 2016."""

    def __init__(self, channels, stride, around):
        super().__init__()
        self.channels, self.stride, self.around = channels, stride, around

    def forward(self, x):
        more = self.channels - x.shape[1]
        before = more // 2 if self.around else 0
        x = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(x, (0, 0, 0, 0, before, more - before))


class Recurrent(nn.Module):
    """A line of tokens: the pixels of a picture, in the order of its rows."""

    def __init__(self, kind, inp, hidden, reverse):
        super().__init__()
        self.line, self.reverse = kind(inp, hidden, batch_first=True), reverse

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        y = self.line(tokens.flip(1))[0].flip(1) if self.reverse else self.line(tokens)[0]
        return y.transpose(1, 2).unflatten(2, x.shape[2:])


class Add(nn.Module):
    def forward(self, a, b):
        return a + b


# Each layer: its words in the file (which the test reads to build the same graph), then how to make
# it. `from` and `second` are numbers of values: 0 is the input, k + 1 what layer k puts out.
def dense(inp, out, bias=True):
    return f"dense {out} {int(bias)}", nn.Linear(inp, out, bias)


def conv(inp, out, kernel, stride=(1, 1), padding=(0, 0), groups=1, bias=True):
    words = f"conv2d {out} {kernel[0]} {kernel[1]} {stride[0]} {stride[1]} {padding[0]} {padding[1]}"
    module = nn.Conv2d(inp, out, kernel, stride, padding, groups=groups, bias=bias)
    return f"{words} {groups} {int(bias)}", module


def batch_norm(channels, vector=False, eps=1e-5, momentum=0.1):
    kind = nn.BatchNorm1d if vector else nn.BatchNorm2d
    return f"batch_norm {eps} {momentum}", kind(channels, eps, momentum)


def layer_norm(channels, eps=1e-5):
    return f"layer_norm {eps}", PixelNorm(channels, eps)


def pool(kind, kernel, stride, padding=(0, 0)):
    words = f"{kind} {kernel[0]} {kernel[1]} {stride[0]} {stride[1]}"
    if kind == "max_pool":
        return f"{words} {padding[0]} {padding[1]}", nn.MaxPool2d(kernel, stride, padding)
    return words, nn.AvgPool2d(kernel, stride)


RELU = ("relu", nn.ReLU())
LEAKY = ("leaky_relu 0.125", nn.LeakyReLU(0.125))
TANH = ("tanh", nn.Tanh())
SIGMOID = ("sigmoid", nn.Sigmoid())
GELU = ("gelu", nn.GELU())
FLATTEN = ("flatten", nn.Flatten())
GLOBAL = ("global_average_pool", GlobalAverage())


def shortcut(channels, stride, around):
    return f"shortcut {channels} {stride} {int(around)}", Shortcut(channels, stride, around)


def scalar_bias():
    return "scalar_bias", ScalarBias()


def multiplier():
    return "multiplier", Multiplier()


def recurrent(kind, inp, hidden, reverse=False):
    words = f"{kind.__name__.lower()} {hidden} {int(reverse)}"
    return words, Recurrent(kind, inp, hidden, reverse)


ADD = ("add", Add())


def at(layer, start, second=None):
    """The layer, taking its input elsewhere than from the layer before it."""
    return (*layer, start, second)


class Net(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.nodes = nn.ModuleList(layer[1] for layer in layers)
        self.froms = [
            (layer[2], layer[3]) if len(layer) == 4 else (k, None) for k, layer in enumerate(layers)
        ]
        self.words = [layer[0] for layer in layers]

    def forward(self, x):
        values = [x]
        for node, (start, second) in zip(self.nodes, self.froms):
            operands = [values[start]] + ([] if second is None else [values[second]])
            values.append(node(*operands))
        return values[-1]


def generic(net):
    """Generic weights, multiples of 1/64."""
    for name, p in net.named_parameters():
        fan = p[0].numel() if p.dim() > 1 else 4
        p.data = torch.round(torch.randn_like(p) * 64 / fan**0.5) / 64
        if p.dim() == 1 and name.endswith("weight"):
            p.data += 1
    for module in net.modules():
        if getattr(module, "padding_idx", None) is not None:
            module.weight.data[module.padding_idx] = 0  # as nn.Embedding starts
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.copy_(torch.round(torch.randn_like(b) * 16) / 64)
        if name.endswith("running_var"):
            b.copy_(1 + torch.round(torch.rand_like(b) * 32) / 64)


def numbers(t):
    return " ".join(f"{v:.8g}" for v in t.detach().flatten().tolist())


def tensor(kind, name, t):
    return f"{kind} {name} {'x'.join(str(n) for n in t.shape) or 1}: {numbers(t)}\n"


def case(name, batch, shape, layers, loss, x=None):
    net = Net(layers)
    generic(net)
    if x is None:
        x = torch.round(torch.randn(batch, *shape) * 64) / 64
    lines = f"case {name}\n"
    height, width, channels = (shape[1], shape[2], shape[0]) if len(shape) == 3 else (1, 1, shape[0])
    lines += f"input {height} {width} {channels}\n"
    for words, (start, second) in zip(net.words, net.froms):
        lines += f"layer {words} from {start}" + ("\n" if second is None else f" {second}\n")
    lines += tensor("tensor", "x", x)
    for key, p in list(net.named_parameters()) + list(net.named_buffers()):
        if not key.endswith("num_batches_tracked"):
            lines += tensor("tensor", key, p)
    net.eval()
    lines += tensor("result", "inferred", net(x))
    net.train()
    y = net(x)
    if loss == "squared_error":
        target = torch.round(torch.randn_like(y) * 64) / 64
        value = functional.mse_loss(y, target)
        lines += "loss squared_error\n" + tensor("tensor", "target", target)
    else:
        smoothing = float(loss)
        target = torch.randint(y.shape[1], (batch, *y.shape[2:]))
        value = functional.cross_entropy(y, target, label_smoothing=smoothing)
        lines += f"loss cross_entropy {smoothing}\n" + tensor("tensor", "target", target)
    value.backward()
    lines += tensor("result", "loss", value)
    for key, p in net.named_parameters():
        lines += tensor("gradient", key, p.grad)
    for key, b in net.named_buffers():
        if not key.endswith("num_batches_tracked"):
            lines += tensor("after", key, b)
    return lines + "\n"


def layer_cases():
    mse, plain, smooth = "squared_error", "0.0", "0.1"
    one, two = (1, 1), (2, 2)
    yield case("dense", 3, (9,), [dense(9, 5)], mse)
    yield case("dense, one example, no bias", 1, (8,), [dense(8, 7, False)], plain)
    yield case("mlp relu", 4, (13,), [dense(13, 9), RELU, dense(9, 4)], plain)
    yield case("mlp tanh", 3, (5,), [dense(5, 8), TANH, dense(8, 8), TANH, dense(8, 3)], smooth)
    yield case("sigmoid", 3, (4,), [dense(4, 7), SIGMOID, dense(7, 3)], mse)
    yield case("gelu", 3, (4,), [dense(4, 7), GELU, dense(7, 3)], mse)
    yield case("leaky relu", 3, (4,), [dense(4, 7), LEAKY, dense(7, 3)], plain)
    yield case("conv 3x3, then dense", 2, (3, 4, 5), [conv(3, 4, (3, 3), padding=one), RELU, FLATTEN, dense(80, 3)], plain)
    yield case("conv even, stride 2 and 3", 2, (3, 7, 8), [conv(3, 5, (4, 2), (2, 3), (1, 0)), TANH, conv(5, 2, (1, 1))], mse)
    yield case("conv line", 2, (3, 1, 9), [conv(3, 4, (1, 5), (1, 2), (0, 2)), TANH, conv(4, 3, (1, 3), bias=False)], mse)
    yield case("conv column", 2, (2, 8, 1), [conv(2, 9, (4, 1), padding=(2, 0)), TANH, FLATTEN, dense(81, 2)], smooth)
    yield case("conv in groups", 2, (6, 3, 4), [conv(6, 10, (3, 3), padding=one, groups=2), TANH, conv(10, 10, (2, 2), groups=10), GLOBAL, dense(10, 3)], plain)
    yield case("too much padding", 1, (1, 1, 1), [conv(1, 3, (3, 3), two, (4, 3)), TANH, conv(3, 2, (2, 2))], mse)
    yield case("batch norm", 4, (2, 3, 2), [conv(2, 5, (3, 3), padding=one), batch_norm(5), RELU, FLATTEN, dense(30, 3)], plain)
    yield case("batch norm of a vector", 5, (4,), [dense(4, 6), batch_norm(6, True, 1e-3, 0.25), TANH, dense(6, 2)], mse)
    yield case("layer norm", 3, (5,), [dense(5, 7), layer_norm(7), TANH, dense(7, 3)], plain)
    yield case("layer norm of pixels", 2, (3, 2, 3), [conv(3, 5, one), layer_norm(5), FLATTEN, dense(30, 2)], mse)
    yield case("pools", 2, (2, 6, 7), [conv(2, 3, (3, 3), padding=one), pool("max_pool", (3, 2), (2, 1)), pool("average_pool", (1, 3), (1, 2)), FLATTEN, dense(12, 3)], plain)
    yield case("scalars", 3, (4,), [scalar_bias(), dense(4, 5), scalar_bias(), TANH, multiplier(), dense(5, 3), multiplier()], mse)
    block = [conv(3, 4, (3, 3), padding=one), RELU, conv(4, 4, (3, 3), padding=one), RELU, conv(4, 4, (3, 3), padding=one), at(ADD, 5, 2), RELU, GLOBAL, dense(4, 3)]
    yield case("residual block", 2, (3, 4, 4), block, plain)
    for around in [False, True]:
        down = [conv(3, 3, one), RELU, conv(3, 8, (3, 3), two, one), batch_norm(8), at(shortcut(8, 2, around), 2), at(ADD, 5, 4), RELU, FLATTEN, dense(48, 3)]
        yield case(f"shortcut {'around' if around else 'behind'}", 3, (3, 4, 5), down, smooth)
    skips = [dense(5, 5), TANH, at(ADD, 2, 0), dense(5, 5), at(ADD, 4, 3), at(ADD, 5, 3), dense(5, 2)]
    yield case("skips", 3, (5,), skips, mse)


def padded_pool_cases():
    torch.manual_seed(23)
    one = (1, 1)
    for name, shape, settings in [
        ("padded pool", (2, 5, 6), [(3, 3), (2, 2), one]),
        ("padded pool of even windows", (2, 4, 3), [(4, 2), (3, 1), (2, 1)]),
        ("padded pool of a line", (3, 1, 5), [(1, 5), (1, 2), (0, 2)]),
    ]:
        layers = [conv(shape[0], 3, (3, 3), padding=one), pool("max_pool", *settings), GLOBAL, dense(3, 4)]
        yield case(name, 2, shape, layers, "0.0")


def recurrent_cases():
    torch.manual_seed(22)
    mse, plain = "squared_error", "0.0"
    for kind in [nn.RNN, nn.GRU, nn.LSTM]:
        name = kind.__name__.lower()
        yield case(name, 3, (2, 1, 5), [recurrent(kind, 2, 4), FLATTEN, dense(20, 3)], plain)
        yield case(f"{name} from the end", 2, (3, 1, 6), [recurrent(kind, 3, 5, True)], mse)
        yield case(f"{name} of a picture", 2, (1, 2, 3), [conv(1, 3, (1, 1)), recurrent(kind, 3, 7)], mse)
        both = [recurrent(kind, 4, 6), recurrent(kind, 6, 5, True), FLATTEN, dense(15, 2)]
        yield case(f"{name} both ways", 4, (4, 1, 3), both, plain)
        yield case(f"{name} of one token", 1, (3, 1, 1), [recurrent(kind, 3, 8)], mse)


def trajectory(name, words, clip, **options):
    """20 steps on two alternating batches."""
    net = Net([dense(4, 5), TANH, dense(5, 3)])
    generic(net)
    return steps(name, words, net, torch.optim.SGD(net.parameters(), **options), clip)


def steps(name, words, net, optimiser, clip):
    lines = f"run {name}\nupdate {words}\n"
    for key, p in net.named_parameters():
        lines += tensor("tensor", key, p)
    batches = []
    for i in range(2):
        x, target = torch.round(torch.randn(6, 4) * 64) / 64, torch.randint(3, (6,))
        lines += tensor("tensor", f"x{i}", x) + tensor("tensor", f"target{i}", target)
        batches.append((x, target))
    losses = []
    for i in range(20):
        x, target = batches[i % 2]
        optimiser.zero_grad()
        loss = functional.cross_entropy(net(x), target)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimiser.step()
        losses.append(loss.detach())
    assert losses[-1] < losses[0], name
    lines += tensor("result", "losses", torch.stack(losses))
    for key, p in net.named_parameters():
        lines += tensor("after", key, p)
    return lines + "\n"


def single(number):
    """The number that f32 holds in its place."""
    return float(numpy.float32(number))


def grouped(kind, settings, rate, decay, clip=0, scalars=1, vectors=1):
    """20 steps of a net with scalars, whose matrices, vectors and scalars are groups of their own."""
    net = Net([dense(4, 5), scalar_bias(), TANH, dense(5, 3), multiplier()])
    generic(net)
    parameters = list(net.parameters())
    single_numbers = [p for p in parameters if p.numel() == 1]
    lines = [p for p in parameters if p.dim() == 1 and p.numel() > 1]
    spared = {} if vectors else {"weight_decay": 0}
    groups = [
        {"params": [p for p in parameters if p.dim() == 2]},
        {"params": lines, **spared},
        {"params": single_numbers, "lr": rate * scalars, **spared},
    ]
    numbers = [
        single(n) for value in settings.values() for n in (value if type(value) is tuple else [value])
    ]
    optimiser = kind(groups, lr=rate, weight_decay=decay, **{
        key: tuple(map(single, value)) if type(value) is tuple else single(value)
        for key, value in settings.items()
    })
    words = " ".join(map(str, [kind.__name__, rate, decay, clip, scalars, vectors, *numbers]))
    return steps(words, words, net, optimiser, clip)


def update_cases():
    # words: learning rate, momentum, decay, nesterov, clip (0: none)
    yield trajectory("plain", "0.25 0 0 0 0", 0, lr=0.25)
    yield trajectory("decay", "0.25 0 0.0625 0 0", 0, lr=0.25, weight_decay=0.0625)
    yield trajectory("momentum", "0.0625 0.875 0 0 0", 0, lr=0.0625, momentum=0.875)
    yield trajectory("momentum, decay", "0.0625 0.875 0.03125 0 0", 0, lr=0.0625, momentum=0.875, weight_decay=0.03125)
    yield trajectory("nesterov", "0.0625 0.875 0 1 0", 0, lr=0.0625, momentum=0.875, nesterov=True)
    yield trajectory("nesterov, decay", "0.0625 0.75 0.03125 1 0", 0, lr=0.0625, momentum=0.75, nesterov=True, weight_decay=0.03125)
    yield trajectory("clip", "0.5 0 0 0 0.25", 0.25, lr=0.5)
    yield trajectory("clip, momentum, decay", "0.125 0.75 0.03125 0 0.25", 0.25, lr=0.125, momentum=0.75, weight_decay=0.03125)
    # words: name, learning rate, decay, clip, share of the rate for scalars, decay of vectors, settings
    torch.manual_seed(21)
    optim = torch.optim
    usual, own = {"betas": (0.9, 0.999), "eps": 1e-8}, {"betas": (0.75, 0.875), "eps": 0.125}
    for kind, decay in [(optim.Adam, 0.125), (optim.AdamW, 0.25)]:
        yield grouped(kind, usual, 0.03125, 0)
        yield grouped(kind, own, 0.0625, decay)
        yield grouped(kind, usual, 0.03125, decay, clip=0.25, scalars=0.125, vectors=0)
    yield grouped(optim.Adadelta, {"rho": 0.9, "eps": 1e-6}, 1, 0)
    yield grouped(optim.Adadelta, {"rho": 0.75, "eps": 0.015625}, 0.5, 0.125)
    yield grouped(optim.Adadelta, {"rho": 0.9, "eps": 0.015625}, 1, 0.03125, 0.25, 0.125, 0)
    yield grouped(optim.Adagrad, {"eps": 1e-10}, 0.125, 0)
    yield grouped(optim.Adagrad, {"eps": 0.125}, 0.25, 0.125)
    yield grouped(optim.Adagrad, {"eps": 1e-10}, 0.125, 0.03125, 0.25, 0.125, 0)
    yield grouped(optim.SGD, {"momentum": 0.75}, 0.125, 0.0625, 0, 0.125, 0)
    yield grouped(optim.SGD, {"momentum": 0.75}, 0.125, 0.0625, 0.25, 0.5, 1)


def write(name, cases, program="make_layers.py"):
    head = f"# Written by tests/golden/{program}: {VERSIONS}\n\n"
    (HERE / name).write_text(head + "".join(cases), encoding="utf-8")


if __name__ == "__main__":
    # in this order: each goes on in the random numbers where the one before it ended
    layers = list(layer_cases())
    write("updates.txt", list(update_cases()))
    write("layers.txt", layers + list(padded_pool_cases()))
    write("recurrent.txt", recurrent_cases())
