#!/usr/bin/env python3
"""Compiles all kernels of the crate, for numbers in f32 into src/gpu/kernels.ptx and for activations in bf16 into
src/gpu/kernels-bf16.ptx, which are checked in.

    python3 src/gpu/make-ptx.py            # writes it
    python3 src/gpu/make-ptx.py --check    # fails where it would differ

The compiler is NVRTC 12.0 from PyPI, always this one: its PTX 8.0 for compute_75 loads on every driver from
525 on and on every GPU from Turing on. Products and sums are not contracted (--fmad=false), so that what has
one rounding each on the host has so here. Without NVRTC in target/nvrtc, pip installs it there.
"""

import ctypes
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "nvidia-cuda-nvrtc-cu12==12.0.140"
MODULES = {"kernels.ptx": [], "kernels-bf16.ptx": [b"--define-macro=BF16"]}
OPTIONS = [b"--gpu-architecture=compute_75", b"--fmad=false", b"--std=c++17"]


def library():
    folder = ROOT / "target" / "nvrtc"
    path = folder / "nvidia" / "cuda_nvrtc" / "lib" / "libnvrtc.so.12"
    if not path.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, PACKAGE]
        subprocess.run(pip, check=True)
    # NVRTC opens this one by its name, which is found because it is there already
    ctypes.CDLL(str(path.with_name("libnvrtc-builtins.so.12.0")), mode=ctypes.RTLD_GLOBAL)
    return ctypes.CDLL(str(path))


def source():
    """The prelude, then every kernel in the order of its path."""
    files = [ROOT / "src/gpu/prelude.cuh", *sorted((ROOT / "src").rglob("*.cu"))]
    names = [str(file.relative_to(ROOT)) for file in files]
    return "".join(f'#line 1 "{name}"\n{file.read_text("utf-8")}' for name, file in zip(names, files))


def compiled(text, more):
    options = [*OPTIONS, *more]
    nvrtc, program = library(), ctypes.c_void_p()
    create = nvrtc.nvrtcCreateProgram
    create.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, *[ctypes.c_void_p] * 2]
    create(ctypes.byref(program), text.encode(), b"kernels.cu", 0, None, None)
    failed = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))

    def output(kind):
        size = ctypes.c_size_t()
        getattr(nvrtc, f"nvrtcGet{kind}Size")(program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        getattr(nvrtc, f"nvrtcGet{kind}")(program, buffer)
        return buffer.value.decode()

    if failed:
        sys.exit(output("ProgramLog"))
    return output("PTX")


def main():
    for name, more in MODULES.items():
        ptx, path = compiled(source(), more), ROOT / "src/gpu" / name
        if "--check" not in sys.argv:
            path.write_text(ptx, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != ptx:
            sys.exit(f"{path} is not what the kernels compile to: run src/gpu/make-ptx.py")


if __name__ == "__main__":
    main()
