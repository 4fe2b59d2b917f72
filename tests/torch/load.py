"""Loads what `idinit regenerate` writes into the networks of the real libraries, and compares every value.

    pip install torch torchvision timm transformers safetensors
    python3 tests/torch/load.py target/release/idinit              every network of the table below
    python3 tests/torch/load.py target/release/idinit resnet18     those whose name has this in it

A file must have every tensor of the library's network and no other (`load_state_dict(strict=True)`), of
its types and shapes. Its values are compared with the rules as they are written here, in NumPy and apart
from idinit: IDI and IDIZ on [out, in]; a kernel [out, in, k, k] is the matrix [out, k k in] whose column is
(ky k + kx) in + c. Random tables (embeddings, positions, the class token) must be finite and have a
deviation of about 0.02.

Exits 0 if all is well, 1 if anything differs, 77 if nothing differs but a library is missing.
"""

import collections
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
except ModuleNotFoundError as error:
    print(f"load.py: NOTHING WAS CHECKED: {error.name} is not installed; pip install {error.name}", file=sys.stderr)
    sys.exit(77)

Case = collections.namedtuple("Case", "library recipe build rules")
VIT = "idinit/1 vit-b32 idinit"
GPT2 = "idinit/1 gpt layers=12 width=768 heads=12 context=1024 vocabulary=50257 idinit"

# What is checked: the library, which is also idinit's --names; idinit's recipe; the library's network; which of RULES.
CASES = {
    "resnet18": Case("torchvision", "idinit/1 resnet18 idinit", lambda of: of.models.resnet18(), "basic"),
    "resnet34": Case("torchvision", "idinit/1 resnet34 idinit", lambda of: of.models.resnet34(), "basic"),
    "resnet50": Case("torchvision", "idinit/1 resnet50 idinit", lambda of: of.models.resnet50(), "bottleneck"),
    "resnet101": Case("torchvision", "idinit/1 resnet101 idinit", lambda of: of.models.resnet101(), "bottleneck"),
    "resnet152": Case("torchvision", "idinit/1 resnet152 idinit", lambda of: of.models.resnet152(), "bottleneck"),
    "vit_b_32": Case("torchvision", VIT, lambda of: of.models.vit_b_32(), "vit torchvision"),
    "vit_base_patch32_224": Case("timm", VIT, lambda of: of.create_model("vit_base_patch32_224"), "vit timm"),
    "gpt2": Case(
        "transformers", GPT2, lambda of: of.GPT2LMHeadModel(of.GPT2Config(tie_word_embeddings=False)), "gpt"
    ),
}

# The rules. Each makes, from a shape, what a tensor must be; `table` makes nothing, since it is random.

EPS = np.float32(1e-6)


def idi(rows, columns, tau):
    w = np.zeros((rows, columns), np.float32)
    m = np.arange(rows)
    w[m, m % columns] = tau
    return w


def idiz(rows, columns):
    w = idi(rows, columns, EPS)
    m = np.arange(rows)
    negative = rows + m % (columns - rows) if rows < columns else (m + 1) % columns
    w[m, negative] = -EPS
    return w


def patched(matrix, shape):
    """[out, k k in] as [out, in, k, k]; a matrix [out, in] stays what it is."""
    if len(shape) == 2:
        return matrix
    out, channels, height, width = shape
    return matrix.reshape(out, height, width, channels).transpose(0, 3, 1, 2)


def identity(shape, tau=1.0):
    return patched(idi(shape[0], int(np.prod(shape[1:])), np.float32(tau)), shape)


def stem(shape):
    return identity(shape, np.sqrt(2.0))


def end(shape):
    return patched(idiz(shape[0], int(np.prod(shape[1:]))), shape)


def transposed(rule):
    """For a weight that is stored as [in, out]."""
    return lambda shape: rule(shape[::-1]).T


def ones(shape):
    return np.ones(shape, np.float32)


def zeros(shape):
    return np.zeros(shape, np.float32)


def no_batches(shape):
    return np.zeros(shape, np.int64)


table = None

# Names of tensors and their rules, the first that matches.


def resnet(last):
    """Rectifiers, so that the stem has a gain; `last` is the number of a block's last convolution."""
    return [
        (r"conv1\.weight", stem),
        (rf"layer\d\.\d+\.conv{last}\.weight", end),
        (r"layer\d\.\d+\.conv\d\.weight", identity),
        (r"layer\d\.\d+\.downsample\.0\.weight", identity),
        (r"fc\.weight", end),
        (r".*(bn\d|downsample\.1)\.(weight|running_var)", ones),
        (r".*(bn\d|downsample\.1)\.(bias|running_mean)", zeros),
        (r".*\.num_batches_tracked", no_batches),
        (r"fc\.bias", zeros),
    ]


IN_BLOCK = r"encoder\.layers\.encoder_layer_\d+\."
VIT_TORCHVISION = [
    (r"class_token|encoder\.pos_embedding", table),
    (rf"conv_proj\.weight|{IN_BLOCK}(self_attention\.in_proj_weight|mlp\.0\.weight)", identity),
    (rf"{IN_BLOCK}(self_attention\.out_proj|mlp\.3)\.weight|heads\.head\.weight", end),
    (rf"({IN_BLOCK}ln_\d|encoder\.ln)\.weight", ones),
    (r".*bias", zeros),
]
VIT_TIMM = [
    (r"cls_token|pos_embed", table),
    (r"patch_embed\.proj\.weight|blocks\.\d+\.(attn\.qkv|mlp\.fc1)\.weight", identity),
    (r"blocks\.\d+\.(attn\.proj|mlp\.fc2)\.weight|head\.weight", end),
    (r"(blocks\.\d+\.)?norm\d?\.weight", ones),
    (r".*bias", zeros),
]
GPT = [
    (r"transformer\.wte\.weight|transformer\.wpe\.weight", table),
    (r"transformer\.h\.\d+\.(attn\.c_attn|mlp\.c_fc)\.weight", transposed(identity)),
    (r"transformer\.h\.\d+\.(attn|mlp)\.c_proj\.weight", transposed(end)),
    (r"lm_head\.weight", end),
    (r"transformer\.(h\.\d+\.)?ln_\w\.weight", ones),
    (r".*bias", zeros),
]
RULES = {
    "basic": resnet(last=2),
    "bottleneck": resnet(last=3),
    "vit torchvision": VIT_TORCHVISION,
    "vit timm": VIT_TIMM,
    "gpt": GPT,
}


def fault(rules, name, got):
    """What is wrong with the values of a tensor, or None."""
    rule = next((rule for pattern, rule in rules if re.fullmatch(pattern, name)), "none")
    if rule == "none":
        return "no rule of load.py is for it"
    if rule is table:
        deviation = float(np.std(got))
        return None if 0.015 < deviation < 0.025 else f"its deviation is {deviation:.4f} instead of about 0.02"
    want = rule(got.shape)
    if got.dtype != want.dtype:
        return f"it is {got.dtype} instead of {want.dtype}"
    if np.array_equal(got, want):
        return None
    wrong = got != want
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return f"{wrong.sum()} of {got.size} values differ, first at {at}: {got[at]!s} instead of {want[at]!s}"


def faults(case, library, program, file):
    """What is wrong with a network, and how many tensors it has."""
    command = [program, "regenerate", case.recipe, "--names", case.library, "-o", file]
    try:
        ran = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        sys.exit(f"load.py: {program} does not run: {error.strerror}")
    if ran.returncode != 0:
        return [f"idinit exits with {ran.returncode}: {ran.stderr.strip()}"], 0
    network = case.build(library)
    types = {name: tensor.dtype for name, tensor in network.state_dict().items()}
    try:
        found = load_file(file)
    except (OSError, SafetensorError) as error:
        return [f"its file cannot be read: {error}"], len(types)
    wrong = []
    for name, tensor in found.items():
        if name in types and tensor.dtype != types[name]:
            wrong.append(f"{name}: its type is {tensor.dtype}, the library's {types[name]}")
    try:
        network.load_state_dict(found, strict=True)
    except RuntimeError as error:
        return wrong + str(error).splitlines(), len(types)
    for name, tensor in network.state_dict().items():
        what = fault(RULES[case.rules], name, tensor.numpy())
        wrong += [f"{name}: {what}"] if what else []
    return wrong, len(types)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    program, chosen = sys.argv[1], sys.argv[2:]
    torch.set_grad_enabled(False)
    differs, missing, ran = False, set(), 0
    for name, case in CASES.items():
        if chosen and not any(part in name for part in chosen):
            continue
        ran += 1
        label = f"{case.library} {name}"
        try:
            library = __import__(case.library)
        except ModuleNotFoundError as error:
            missing.add(error.name)
            print(f"{label}: NOT CHECKED, {error.name} is not installed", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            wrong, count = faults(case, library, program, str(pathlib.Path(folder) / "file.safetensors"))
        differs |= bool(wrong)
        print(f"{label}: {f'{len(wrong)} faults' if wrong else f'{count} tensors agree'}", flush=True)
        for what in wrong[:10]:
            print(f"    {what}")
    if ran == 0:
        sys.exit(f"load.py: no network has {' or '.join(chosen)} in its name")
    for name in sorted(missing):
        print(f"load.py: {name} IS MISSING, its networks were not checked; pip install {name}", file=sys.stderr)
    sys.exit(1 if differs else 77 if missing else 0)


main()
