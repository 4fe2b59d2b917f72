#!/usr/bin/env python3
"""Writes rules.txt: what every rule makes at chosen sizes, from reference.py and a Philox of its own.

    python3 tests/golden/make_rules.py > tests/golden/rules.txt

A weight is written in storage order [out][kh][kw][in] as the indices and values that are not zero.
A grouped convolution is `groups` independent ones, each made by the reference.
"""
import math

import numpy as np

import reference as ref

ORDERS = {"spatial": "spatial_major", "channel": "channel_major", "diagonal": None}


def at_centre(mat, inp, kernel):
    """(out, inp) -> OIHW with the matrix at tap [kh // 2, kw // 2]."""
    w = np.zeros((mat.shape[0], inp, *kernel))
    w[:, :, kernel[0] // 2, kernel[1] // 2] = mat
    return w


def identity(o, i, k, order):
    if order == "diagonal":
        return ref.idic_diagonal(o, i, k, math.sqrt(2))
    return ref.idic(o, i, k, math.sqrt(2), ORDERS[order])


def zero_preserving(o, i, k, order):
    if order == "diagonal":
        return ref.idizc_diagonal(o, i, k, 1e-6)
    return ref.idizc(o, i, k, 1e-6, ORDERS[order])


RULES = {
    "identity": identity,
    "zero_preserving": zero_preserving,
    "dirac": lambda o, i, k, _: at_centre(ref.idi(o, i, math.sqrt(2)), i, k),
    "dirac_zero": lambda o, i, k, _: at_centre(ref.idiz(o, i, 1e-6), i, k),
    "hadamard": lambda o, i, k, _: at_centre(ref.zero_matrix(o, i), i, k),
}

# out, inp of a group, (kh, kw), groups
DIMS = [
    *((o, i, (1, 1), 1) for o in (1, 2, 3, 5, 8) for i in (1, 2, 3, 7, 8)),
    (10, 64, (1, 1), 1), (64, 10, (1, 1), 1), (33, 32, (1, 1), 1),
    (4, 3, (3, 3), 1), (16, 3, (3, 3), 1), (5, 4, (3, 3), 1), (40, 3, (3, 3), 1), (1, 1, (3, 3), 1),
    (6, 2, (5, 3), 1), (6, 5, (1, 5), 1), (6, 2, (1, 3), 1), (3, 4, (7, 1), 1),
    (5, 3, (2, 2), 1), (5, 3, (4, 4), 1), (9, 2, (1, 4), 1), (3, 3, (2, 3), 1),
    (8, 2, (3, 3), 4), (12, 4, (1, 3), 3), (6, 3, (2, 2), 2), (6, 1, (1, 1), 2), (12, 2, (1, 1), 2),
    (8, 1, (3, 3), 8), (4, 1, (1, 1), 4), (12, 1, (3, 3), 4), (20, 1, (1, 2), 2), (9, 1, (5, 5), 9),
]


def storage(w):
    """OIHW -> [out][kh][kw][in], flat."""
    return w.transpose(0, 2, 3, 1).astype(np.float32).ravel()


def fingerprint(weights):
    """CRC-64/XZ of the weights as little-endian f32."""
    crc = 2**64 - 1
    for byte in np.concatenate(weights).astype("<f4").tobytes():
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xC96C5795D7870F42 if crc & 1 else 0)
    return f"{crc ^ 2**64 - 1:016x}"


def residual(inner, end, head, width=8, blocks=4, classes=10):
    """The start of `residual` on 8 x 8 pictures of one channel: 3 x 3 kernels, the first times sqrt 2, then
    in each block one more and the one that ends it, then the head, every one with a bias of zeros."""
    def kernel(rule, inp, scale):
        return [storage(rule(width, inp, (3, 3), scale)), np.zeros(width)]

    weights = kernel(inner, 1, math.sqrt(2))
    for _ in range(blocks):
        weights += kernel(inner, width, 1) + kernel(end, width, 1e-6)
    return weights + [head(classes, 16 * width, 1e-6).ravel(), np.zeros(classes)]


def zeros(o, i, k, _):
    return np.zeros((o, i, *k))


def centre_identity(o, i, k, tau):
    return at_centre(ref.idi(o, i, tau), i, k)


def centre_difference(o, i, k, eps):
    return at_centre(ref.idiz(o, i, eps), i, k)


def spatial(o, i, k, tau):
    return ref.idic(o, i, k, tau, "spatial_major")


def spatial_difference(o, i, k, eps):
    return ref.idizc(o, i, k, eps, "spatial_major")


# kernels, kernels that end a branch, head; `residual` has no batch norm, so that eps is 1e-6
STARTS = {
    "idinit": (spatial, spatial_difference, ref.idiz),
    "idinit-channel": (ref.idic, ref.idizc, ref.idiz),
    "idinit-diagonal": (ref.idic_diagonal, ref.idizc_diagonal, ref.idiz),
    "identity-conv": (centre_identity, centre_difference, ref.idiz),
    "ablation-none": (centre_identity, zeros, lambda o, i, _: np.zeros((o, i))),
    "ablation-idizc": (centre_identity, spatial_difference, ref.idiz),
    "ablation-idic": (spatial, zeros, lambda o, i, _: np.zeros((o, i))),
}


def philox(counter, key):
    """Salmon et al. 2011, Philox 4x32 with 10 rounds, in unbounded integers."""
    word = 2**32
    c, k = list(counter), list(key)
    for _ in range(10):
        left, right = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [right // word ^ c[1] ^ k[0], right % word, left // word ^ c[3] ^ k[1], left % word]
        k = [(k[0] + 0x9E3779B9) % word, (k[1] + 0xBB67AE85) % word]
    return c


def words(i, seed, tensor, attempt=0):
    block = i // 4
    return philox((block % 2**32, block // 2**32, tensor, attempt), (seed % 2**32, seed // 2**32))


def uniform(i, seed, tensor):
    word = words(i, seed, tensor)[i % 4]
    return ((word - 2**32 if word >= 2**31 else word) >> 8) / 2**23


def normal(i, seed, tensor, attempt=0):
    pair = words(i, seed, tensor, attempt)[i % 4 // 2 * 2:][:2]
    radius = math.sqrt(-2 * math.log(min((pair[0] + 1) / 2**32, 1)))
    angle = 2 * math.pi * (pair[1] >> 8) / 2**24
    return radius * (math.cos(angle) if i % 2 == 0 else math.sin(angle))


def truncated(i, seed, tensor):
    return next(z for a in range(16) if abs(z := normal(i, seed, tensor, a)) <= 2)


def main():
    print("# Made by tests/golden/make_rules.py from tests/golden/reference.py; storage order [out][kh][kw][in].")
    print("# weight: rule order out inp kh kw groups : index value ... (all others are 0)")
    print("# draw: family seed tensor index : standard value")
    print("# start: scheme : fingerprint of the network `residual`, 8 channels, 4 blocks")
    for out, inp, kernel, groups in DIMS:
        for name, rule in RULES.items():
            for order in ORDERS if name in ("identity", "zero_preserving") else ["spatial"]:
                w = np.concatenate([storage(rule(out // groups, inp, kernel, order))] * groups)
                values = " ".join(f"{i} {w[i]!s}" for i in np.flatnonzero(w))
                print("weight", name, order, out, inp, *kernel, groups, ":", values)
    for name, rules in STARTS.items():
        print("start", name, ":", fingerprint(residual(*rules)))
    for seed, tensor in [(0, 0), (1, 2), (2**64 - 1, 2**32 - 1), (0x0123456789ABCDEF, 7)]:
        for name, draw in [("uniform", uniform), ("normal", normal), ("truncated", truncated)]:
            for i in [*range(24), 2**32 - 1, 2**32, 2**34 - 1, 2**34, 2**50 + 3]:
                print("draw", name, seed, tensor, i, ":", draw(i, seed, tensor))


if __name__ == "__main__":
    main()
