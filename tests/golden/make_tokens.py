"""Writes tokens.txt: PyTorch's outputs, losses and gradients of the layers of texts, transformers and
squeeze-and-excitation.

    python tests/golden/make_tokens.py

A line of tokens is a picture of height 1: [batch, channels, 1, tokens], as in make_layers.py, which has
the rest.
"""

import torch
from make_layers import ADD, FLATTEN, GELU, GLOBAL, RELU, SIGMOID, TANH, Net, at, case, conv, dense, layer_norm, pool, write
from torch import nn
from torch.nn import functional

torch.manual_seed(21)


def tokens(x):
    """[batch, channels, h, w] as [batch, h w, channels]; a vector is one token."""
    return x.flatten(2).transpose(1, 2) if x.dim() == 4 else x[:, None]


def picture(tokens, like):
    """The way back, to the height and width of `like`."""
    if like.dim() == 2:
        return tokens[:, 0]
    return tokens.transpose(1, 2).unflatten(2, like.shape[2:])


class Embedding(nn.Embedding):
    def forward(self, x):
        return picture(super().forward(tokens(x)[..., 0].long()), x)


class Positions(nn.Module):
    def __init__(self, count, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, channels))

    def forward(self, x):
        return picture(tokens(x) + self.weight, x)


class ClassToken(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, channels))

    def forward(self, x):
        x = tokens(x)
        x = torch.cat([self.weight.expand(len(x), 1, -1), x], 1)
        return x.transpose(1, 2)[:, :, None]


class Select(nn.Module):
    def __init__(self, pixel):
        super().__init__()
        self.pixel = pixel

    def forward(self, x):
        return x.flatten(2)[:, :, self.pixel]


class Concat(nn.Module):
    def forward(self, a, b):
        return torch.cat([a, b], 1)


class ScaleChannels(nn.Module):
    def forward(self, x, scales):
        return x * scales if x.dim() == 2 else x * scales[:, :, None, None]


class RmsNorm(nn.RMSNorm):
    def forward(self, x):
        return picture(super().forward(tokens(x)), x)


class Attention(nn.Module):
    def __init__(self, heads, causal):
        super().__init__()
        self.heads, self.causal = heads, causal

    def forward(self, x, padded=None):
        qkv = tokens(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        t = qkv.shape[3]
        seen = torch.ones(t, t, dtype=torch.bool)
        seen = (seen.tril() if self.causal else seen)[None, None]
        if padded is not None:
            seen = seen & (tokens(padded)[..., 0] != 0)[:, None, None]
        y = functional.scaled_dot_product_attention(*qkv, attn_mask=seen)
        return picture(y.transpose(1, 2).flatten(2), x)


def embedding(count, width, padding=False):
    module = Embedding(count, width, padding_idx=0 if padding else None)
    return f"embedding {count} {width} {int(padding)}", module


def positions(count, channels):
    return "positions", Positions(count, channels)


def class_token(channels):
    return "class_token", ClassToken(channels)


def select(pixel):
    return f"select {pixel}", Select(pixel)


def rms_norm(channels, eps=1e-6):
    return f"rms_norm {eps}", RmsNorm(channels, eps)


def attention(heads, causal=False):
    return f"attention {heads} {int(causal)}", Attention(heads, causal)


def dropout(p):
    return f"dropout {p}", nn.Dropout(p)


CONCAT = ("concat", Concat())
SCALE = ("channel_scale", ScaleChannels())
ONE = (1, 1)


def linear(inp, out):
    return conv(inp, out, ONE)


def line(batch, length, count, shortest):
    """A batch of lines of tokens 1 … count − 1, with zeros behind those that are short."""
    x = torch.randint(1, count, (batch, 1, 1, length)).double()
    for i in range(batch):
        x[i, :, :, max(shortest, length - 2 * i) :] = 0
    return x


def check_against_multihead_attention():
    """The composition that the library is told to use is nn.MultiheadAttention."""
    d, heads, t = 6, 2, 5
    module = nn.MultiheadAttention(d, heads, batch_first=True)
    nn.init.normal_(module.in_proj_bias)
    nn.init.normal_(module.out_proj.bias)
    x = torch.randn(3, t, d)
    padded = line(3, t, 4, 2)
    project = functional.linear(x, module.in_proj_weight, module.in_proj_bias)
    for causal in [False, True]:
        later = torch.ones(t, t, dtype=torch.bool).triu(1) if causal else None
        want, _ = module(x, x, x, key_padding_mask=tokens(padded)[..., 0] == 0, attn_mask=later)
        lines = project.transpose(1, 2)[:, :, None]
        got = module.out_proj(tokens(Attention(heads, causal)(lines, padded)))
        assert torch.allclose(got, want, rtol=0, atol=1e-12)


def token_cases():
    mse, plain, smooth = "squared_error", "0.0", "0.1"
    x = line(3, 6, 7, 6)
    yield case("embedding", 3, (1, 1, 6), [embedding(7, 5), TANH, FLATTEN, dense(30, 3)], plain, x)
    x = line(4, 7, 5, 2)
    yield case("embedding with padding", 4, (1, 1, 7), [embedding(5, 9, True), GLOBAL, dense(9, 3)], mse, x)
    layers = [conv(3, 4, (2, 2)), positions(6, 4), TANH, FLATTEN, dense(24, 2)]
    yield case("positions", 3, (3, 3, 4), layers, plain)
    layers = [conv(3, 5, (2, 2), (2, 2)), class_token(5), linear(5, 4), TANH, select(0), dense(4, 3)]
    yield case("class token", 3, (3, 4, 4), layers, plain)
    yield case("one pixel", 3, (3, 2, 3), [conv(3, 4, ONE), select(4), dense(4, 3)], mse)
    layers = [linear(2, 3), TANH, linear(3, 4), at(CONCAT, 3, 2), at(CONCAT, 4, 0), FLATTEN, dense(27, 3)]
    yield case("three values side by side", 3, (2, 1, 3), layers, plain)
    squeeze = [conv(3, 4, (2, 2)), TANH, GLOBAL, dense(4, 2), RELU, dense(2, 4), SIGMOID]
    layers = [*squeeze, at(SCALE, 2, 7), at(ADD, 8, 2), FLATTEN, dense(24, 3)]
    yield case("squeeze and excitation", 3, (3, 3, 4), layers, plain)
    yield case("rms norm", 3, (5,), [dense(5, 7), rms_norm(7), TANH, dense(7, 3)], plain)
    yield case("rms norm of pixels", 3, (3, 2, 3), [linear(3, 5), rms_norm(5, 1e-2), FLATTEN, dense(30, 2)], mse)
    for causal in [False, True]:
        name = "causal attention" if causal else "attention"
        yield case(name, 3, (4, 1, 6), [linear(4, 18), attention(2, causal), linear(6, 3)], mse)
        x = line(4, 7, 5, 1)
        layers = [embedding(5, 4, True), linear(4, 24), at(attention(4, causal), 2, 0), linear(8, 3)]
        yield case(f"masked {name}", 4, (1, 1, 7), layers, smooth, x)
    yield case("attention over a picture", 2, (2, 2, 3), [conv(2, 9, ONE), attention(1), FLATTEN, dense(18, 2)], plain)
    # (nn.Dropout draws otherwise: only p = 0 can be compared in training)
    yield case("dropout of nothing", 3, (5,), [dense(5, 7), dropout(0.0), TANH, dense(7, 3)], plain)
    x = line(3, 6, 9, 6)
    block = [embedding(9, 4), positions(6, 4), rms_norm(4), linear(4, 12), attention(2, True), linear(4, 4), at(ADD, 6, 2)]
    block += [rms_norm(4), linear(4, 8), GELU, linear(8, 4), at(ADD, 11, 7), rms_norm(4), linear(4, 9)]
    yield case("a block of a language model", 3, (1, 1, 6), block, plain, x)
    block = [conv(3, 6, (2, 2), (2, 2)), class_token(6), positions(7, 6), layer_norm(6), linear(6, 18), attention(3)]
    block += [linear(6, 6), at(ADD, 7, 3), layer_norm(6), select(0), dense(6, 3)]
    yield case("a block of a vision transformer", 3, (3, 4, 6), block, smooth)
    x = line(4, 8, 9, 3)
    text = [embedding(9, 5, True), conv(5, 3, (1, 2)), RELU, pool("max_pool", (1, 7), ONE)]
    text += [at(conv(5, 4, (1, 3)), 1), RELU, pool("max_pool", (1, 6), ONE), at(CONCAT, 7, 4), FLATTEN, dense(7, 2)]
    yield case("a text by two widths", 4, (1, 1, 8), text, plain, x)


if __name__ == "__main__":
    check_against_multihead_attention()
    write("tokens.txt", token_cases(), "make_tokens.py")
