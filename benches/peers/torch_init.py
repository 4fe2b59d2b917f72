"""How long PyTorch takes to initialise the convolutions and the linear layer of ResNet-50, as JSON lines.

    python3 benches/peers/torch_init.py [THREADS [ROUNDS]]

The shapes are those of torchvision's network (tests/golden/keys), its weights without norms and biases; only
PyTorch is needed. Everything is written into memory that was there before, one way after the other in
each round, after a round that is not measured; `torch.zeros` alone asks for new memory. Each line has the
median over the rounds: `seconds` by the clock, and `cpu_seconds` of all threads together. Two threads mean
something only on a machine that does nothing else: where they have to share a processor, each weight takes
the milliseconds of a time slice.
"""

import json
import os
import pathlib
import statistics
import sys
import time

import torch
from torch.nn import init

KEYS = pathlib.Path(__file__).parents[2] / "tests/golden/keys/torchvision-resnet50.txt"


def shapes():
    for line in KEYS.read_text().splitlines():
        shape = line.split()[-1].split("x")
        if not line.startswith("#") and len(shape) in (2, 4):
            yield [int(size) for size in shape]


def main():
    threads, rounds = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((1, 1), (2, 5)))
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    torch.manual_seed(0)
    weights = [torch.empty(shape) for shape in shapes()]
    numbers = sum(weight.numel() for weight in weights)
    buffer = torch.empty(numbers)

    def identity(weight):
        (init.dirac_ if weight.dim() == 4 else init.eye_)(weight)

    ways = {
        "zero_ of one buffer": lambda: buffer.zero_(),
        "torch.zeros of one buffer": lambda: torch.zeros(numbers),
        "zero_ of each weight": lambda: [weight.zero_() for weight in weights],
        "kaiming_normal_": lambda: [init.kaiming_normal_(weight) for weight in weights],
        "dirac_, eye_": lambda: [identity(weight) for weight in weights],
    }
    seconds = {what: [] for what in ways}
    for number in range(rounds + 1):
        for what, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            way()
            if number > 0:
                seconds[what].append((time.perf_counter() - wall, time.process_time() - cpu))
    about = {"bytes": 4 * numbers, "tensors": len(weights), "threads": threads, "rounds": rounds}
    about |= {"torch": torch.__version__, "load": round(os.getloadavg()[0], 2)}
    for what, times in seconds.items():
        wall, cpu = (round(statistics.median(of), 6) for of in zip(*times))
        print(json.dumps({"what": what, "seconds": wall, "cpu_seconds": cpu, **about}))


main()
