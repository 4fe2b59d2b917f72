#!/usr/bin/env python3
"""Packs the UCI 8x8 digits into digits.bin.

usage: make_digits.py digits.csv.gz

The input has a row per image, 64 pixels of 0..16 and the label; `bash examples/get-data.sh digits DIR`
fetches it. The output lies beside this script:

    u16 little-endian per image   where the image's code begins, counted from the end of these tables
    u8 per image                  its label
    per image, its code           64-bit little-endian mask of the pixels that are not 0, bit 0 first,
                                  then value - 1 of each of those, two to a byte, low nibble first
"""
import gzip, hashlib, pathlib, struct, sys

SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"


def code(pixels):
    inked = [value - 1 for value in pixels if value]
    inked += [0] * (len(inked) % 2)
    mask = sum(1 << i for i, value in enumerate(pixels) if value)
    return struct.pack("<Q", mask) + bytes(a | b << 4 for a, b in zip(inked[::2], inked[1::2]))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    packed = pathlib.Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(packed).hexdigest() != SHA256:
        sys.exit(f"{sys.argv[1]} is not the expected file: its sha256 is not {SHA256}")
    rows = [[int(float(v)) for v in line.split(",")] for line in gzip.decompress(packed).decode().split()]
    assert len(rows) == 1797 and all(len(row) == 65 and max(row[:64]) <= 16 for row in rows)

    codes, labels = [code(row[:64]) for row in rows], bytes(row[64] for row in rows)
    starts = [sum(map(len, codes[:i])) for i in range(len(codes))]
    out = pathlib.Path(__file__).with_name("digits.bin")
    out.write_bytes(struct.pack(f"<{len(starts)}H", *starts) + labels + b"".join(codes))
    print(f"{out.name}: {out.stat().st_size} bytes, sha256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


main()
