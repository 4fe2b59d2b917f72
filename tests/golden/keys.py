"""Writes keys/NAME.txt: the tensors of known networks, as the libraries that define them name and shape them.

    pip install torch torchvision timm transformers safetensors
    python3 tests/golden/keys.py            writes every list
    python3 tests/golden/keys.py --check    fails if a committed list differs

A line is a tensor in the order of `state_dict()`: its name, its type and its shape (PyTorch's order; `-`
for a scalar). Everything is built from configurations on the meta device, so no weights are downloaded or
made; only what `save_pretrained` writes is read from a file that it wrote.
"""

import pathlib
import sys
import tempfile

FOLDER = pathlib.Path(__file__).with_name("keys")
DTYPES = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "float64": "f64", "int64": "i64", "int32": "i32"}
DTYPES |= {"uint8": "u8", "int8": "i8", "bool": "bool"}

try:
    import safetensors
    import timm
    import torch
    import torchvision
    import transformers
except ModuleNotFoundError as error:
    sys.exit(f"keys.py: {error.name} is not installed; pip install torch torchvision timm transformers safetensors")

GPT2 = "GPT2Config(tie_word_embeddings={})"
LLAMA = (
    "LlamaConfig(vocab_size=1000, hidden_size=256, intermediate_size=688, num_hidden_layers=2, "
    "num_attention_heads=8, num_key_value_heads=2, tie_word_embeddings=False)"
)

# file, library, what builds the model; the call is also written into the file
LISTS = []
for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "vit_b_32"):
    LISTS.append((f"torchvision-{name}", torchvision, f"torchvision.models.{name}()"))
for name in ("vit_base_patch32_224", "resnet50", "seresnet50", "convnext_tiny", "mobilenetv3_large_100"):
    LISTS.append((f"timm-{name}", timm, f'timm.create_model("{name}")'))
for name, model, config in (
    ("gpt2", "GPT2LMHeadModel", GPT2.format(False)),
    ("bert-base", "BertModel", "BertConfig()"),
    ("bert-base-classifier", "BertForSequenceClassification", "BertConfig()"),
    ("llama-grouped", "LlamaForCausalLM", LLAMA),
    ("t5-small", "T5ForConditionalGeneration", "T5Config()"),
):
    LISTS.append((f"transformers-{name}", transformers, f"transformers.{model}(transformers.{config})"))
SAVED = ("transformers-gpt2-saved", transformers, f"transformers.GPT2LMHeadModel(transformers.{GPT2.format(True)})")


def line(name, tensor):
    dtype = DTYPES[str(tensor.dtype).removeprefix("torch.")]
    return f"{name} {dtype} {'x'.join(map(str, tensor.shape)) or '-'}"


def header(library, call, rest=""):
    made_by = (f"{of.__name__} {of.__version__.partition('+')[0]}" for of in (library, torch))
    return [f"# {', '.join(made_by)}", f"# {call}{rest}", "# written by tests/golden/keys.py"]


def saved(call):
    """What `save_pretrained` writes, in the order of the file."""
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        eval(call).save_pretrained(folder)
        (file,) = pathlib.Path(folder).glob("*.safetensors")
        with safetensors.safe_open(file, "pt") as tensors:
            return [line(name, tensors.get_tensor(name)) for name in tensors.keys()]


def lists():
    """Each file's name, and its lines."""
    for file, library, call in LISTS:
        with torch.device("meta"):
            tensors = eval(call).state_dict()
        yield file, header(library, call, ".state_dict()"), [line(*item) for item in tensors.items()]
    file, library, call = SAVED
    yield file, header(library, call, ".save_pretrained(...), in the order of its file"), saved(call)


def bare(lines):
    return [line for line in lines if not line.startswith("#")]


def first_difference(old, new):
    at = next((i for i, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
    there = [lines[at] if at < len(lines) else "nothing" for lines in (old, new)]
    return f"tensor {at}: the list has {there[0]}, the library {there[1]}"


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    check = sys.argv[1:] == ["--check"]
    FOLDER.mkdir(exist_ok=True)
    wrong, known = [], set()
    for file, head, tensors in lists():
        path = FOLDER / f"{file}.txt"
        known.add(path)
        if not check:
            path.write_text("\n".join(head + tensors) + "\n")
        elif not path.exists():
            wrong.append(f"{path.name} is missing")
        elif (old := bare(path.read_text().splitlines())) != tensors:
            wrong.append(f"{path.name}: {first_difference(old, tensors)}")
        print(f"{file}: {len(tensors)} tensors", flush=True)
    wrong += [f"{path.name} is a list that keys.py does not make" for path in FOLDER.glob("*.txt") if path not in known]
    for what in wrong:
        print(f"keys.py: {what}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


main()
