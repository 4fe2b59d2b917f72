#!/usr/bin/env python3
"""Golden cases of int8 layers: random layers of TensorFlow Lite, run by its reference kernels.

Writes int8.txt beside this file: for each case the layer, its numbers, an input and the output. Each case is
computed twice: here, in Python's exact integers from the published definition (TensorFlow Lite 8-bit
quantization specification; Jacob et al. 2018, arXiv:1712.05877, section 2; the fixed-point functions of
gemmlowp), and by the interpreter of ai-edge-litert with BUILTIN_REF, on a model that is put together here. They
must agree, or nothing is written. `--without-interpreter` trusts the first.

    pip install ai-edge-litert flatbuffers tflite numpy && python3 int8.py
"""
import math, random, struct, sys
from fractions import Fraction
from pathlib import Path

I32 = 1 << 31


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def half_away(fraction):
    """A rational number as a whole one, halves away from 0."""
    n, d = abs(fraction.numerator), fraction.denominator
    whole = (2 * n + d) // (2 * d)
    return whole if fraction >= 0 else -whole


def multiplier(real):
    if real == 0:
        return 0, 0
    q, shift = math.frexp(real)
    m = half_away(Fraction(q) * I32)
    if m == I32:
        m, shift = m // 2, shift + 1
    return (0, 0) if shift < -31 else (m, shift)


def high(a, b):
    """a b / 2^31, half up."""
    if a == b == -I32:
        return I32 - 1
    return math.floor(Fraction(a * b, I32) + Fraction(1, 2))


def right(x, by):
    return half_away(Fraction(x, 1 << by))


def times(x, m):
    mantissa, shift = m
    return right(high(x << max(shift, 0), mantissa), max(-shift, 0))


def clamp(x, least=-128, most=127):
    return max(least, min(most, x))


def saturate(x):
    return clamp(x, -I32, I32 - 1)


def exp(x):
    """e^x for x <= 0 with 26 bits behind the point; the result has 31."""
    if x == 0:
        return I32 - 1
    quarter = 1 << 24
    within = (x & (quarter - 1)) - quarter
    a = saturate(within << 5) + (1 << 28)
    a2 = high(a, a)
    a3, a4 = high(a2, a), high(a2, a2)
    inner = high(right(a4, 2) + a3, 715827883) + a2
    result = 1895147668 + high(1895147668, a + right(inner, 1))
    rest = within - x
    for bit, factor in zip(range(24, 31), [1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242]):
        if rest >> bit & 1:
            result = high(result, factor)
    return result


def reciprocal(total):
    zeros = 32 - total.bit_length()
    x = (total << zeros) - I32
    half = half_away(Fraction(x + I32 - 1, 2))
    y = 1515870810 + high(half, -1010580540)
    for _ in range(3):
        rest = (1 << 29) - high(half, y)
        y += saturate(high(y, rest) << 2)
    return saturate(y << 1), 12 - zeros


def softmax(x, scale):
    m, shift = multiplier(min(scale * (1 << 26), I32 - 1.0))
    depth = -math.floor(31 * (1 << 26) / (1 << shift))
    largest = max(x)
    power = lambda v: exp(high((v - largest) << shift, m)) if v - largest >= depth else None
    powers = [power(v) for v in x]
    total = sum(right(p, 12) for p in powers if p is not None)
    r, over = reciprocal(total)
    out = lambda p: -128 if p is None else clamp(right(high(r, p), over + 31 - 8) - 128)
    return [out(p) for p in powers]


def conv(c):
    (h, w, ch), (oh, ow, out) = c["input"], c["output"]
    (kh, kw), (sh, sw), (ph, pw) = c["kernel"], c["stride"], c["padding"]
    groups, inp = c["groups"], ch // c["groups"]
    y = []
    for r in range(oh):
        for s in range(ow):
            for o in range(out):
                first = o // (out // groups) * inp
                total = c["bias"][o]
                for i in range(kh):
                    for j in range(kw):
                        a, b = r * sh + i - ph, s * sw + j - pw
                        if 0 <= a < h and 0 <= b < w:
                            for k in range(inp):
                                x = c["x"][(a * w + b) * ch + first + k] - c["x_zero"]
                                total += x * c["w"][((o * kh + i) * kw + j) * inp + k]
                scale = float(c["x_scale"]) * float(c["w_scale"][o]) / float(c["y_scale"])
                least = c["y_zero"] if c["relu"] else -128
                y.append(clamp(times(total, multiplier(scale)) + c["y_zero"], least))
    return y


def pool(c):
    (h, w, ch), (oh, ow, _) = c["input"], c["output"]
    (kh, kw), (sh, sw), (ph, pw) = c["kernel"], c["stride"], c["padding"]
    y = []
    for r in range(oh):
        for s in range(ow):
            for k in range(ch):
                seen = [c["x"][(a * w + b) * ch + k]
                        for a in range(r * sh - ph, r * sh - ph + kh) if 0 <= a < h
                        for b in range(s * sw - pw, s * sw - pw + kw) if 0 <= b < w]
                y.append(max(seen) if c["kind"] == "maxpool" else half_away(Fraction(sum(seen), len(seen))))
    return y


def add(c):
    a, b = float(c["x_scale"]), float(c["second_scale"])
    twice = 2 * max(a, b)
    ma, mb = multiplier(a / twice), multiplier(b / twice)
    mo = multiplier(twice / ((1 << 20) * float(c["y_scale"])))
    least = c["y_zero"] if c["relu"] else -128
    out = []
    for x, z in zip(c["x"], c["second"]):
        total = times((x - c["x_zero"]) << 20, ma) + times((z - c["second_zero"]) << 20, mb)
        out.append(clamp(times(total, mo) + c["y_zero"], least))
    return out


def relu(c):
    m = multiplier(float(c["x_scale"]) / float(c["y_scale"]))
    return [clamp(times(x - c["x_zero"], m) + c["y_zero"], c["y_zero"]) for x in c["x"]]


def expected(c):
    kind = c["kind"]
    if kind in ("dense", "conv", "depthwise"):
        return conv(c)
    if kind in ("maxpool", "averagepool"):
        return pool(c)
    return {"add": add, "relu": relu, "softmax": lambda c: softmax(c["x"], float(c["x_scale"]))}[kind](c)


def numbers(rng, n, low=-128, high=127):
    return [rng.choice([low, high, 0]) if rng.random() < 0.1 else rng.randint(low, high) for _ in range(n)]


def cases():
    rng = random.Random(8)
    scale = lambda low, high: f32(math.exp(rng.uniform(math.log(low), math.log(high))))
    # same padding and stride: what TensorFlow Lite can say, and what is as much on both sides
    shapes = [((1, 1), (1, 1), "valid"), ((3, 3), (1, 1), "same"), ((3, 3), (2, 2), "valid"), ((1, 3), (1, 1), "same"),
              ((5, 5), (1, 1), "same"), ((2, 2), (2, 2), "valid"), ((3, 3), (2, 2), "same")]
    for kind, count in [("dense", 24), ("conv", 40), ("depthwise", 24), ("maxpool", 14), ("averagepool", 14),
                        ("add", 16), ("relu", 10), ("softmax", 24)]:
        for number in range(count):
            c = {"kind": kind, "x_scale": scale(0.002, 0.3), "x_zero": rng.randint(-128, 127),
                 "y_scale": scale(0.005, 0.5), "y_zero": rng.randint(-128, 127), "relu": number % 3 == 1}
            if kind == "dense":
                inp, out = rng.choice([1, 2, 3, 4, 7, 16, 33, 64]), rng.choice([1, 2, 3, 4, 5, 8, 10, 17])
                c.update(input=(1, 1, inp), output=(1, 1, out), kernel=(1, 1), stride=(1, 1), padding=(0, 0), groups=1)
            elif kind in ("conv", "depthwise", "maxpool", "averagepool"):
                kernel, stride, padding = shapes[number % len(shapes)]
                h, w = [max(k, rng.randint(1, 9)) for k in kernel]
                if stride == (2, 2) and padding == "same":
                    h, w = h | 1, w | 1  # an odd size has as much padding on both sides
                ch = rng.choice([1, 2, 3, 4, 5, 8])
                pad = tuple(k // 2 if padding == "same" else 0 for k in kernel)
                oh, ow = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip((h, w), pad, kernel, stride)]
                out = {"conv": rng.choice([1, 3, 4, 5, 8, 9]), "depthwise": ch * rng.choice([1, 1, 2])}.get(kind, ch)
                groups = ch if kind == "depthwise" else 1
                if kind == "conv" and ch % 2 == 0 and number % 4 == 3:
                    groups, out = 2, out * 2
                c.update(input=(h, w, ch), output=(oh, ow, out), kernel=kernel, stride=stride, padding=pad, groups=groups)
                if kind in ("maxpool", "averagepool"):
                    c.update(y_scale=c["x_scale"], y_zero=c["x_zero"], relu=False)
            else:
                n = rng.choice([1, 2, 3, 10, 33])
                c.update(input=(1, 1, n), output=(1, 1, n))
            c["x"] = numbers(rng, math.prod(c["input"]))
            if kind in ("dense", "conv", "depthwise"):
                out, row = c["output"][2], math.prod(c["kernel"]) * (c["input"][2] // c["groups"])
                c["w"] = numbers(rng, out * row, -127)
                # most outputs lie in range, some at the ends, some multipliers are above 1
                c["w_scale"] = [f32(c["y_scale"] / c["x_scale"] * scale(0.0001, 0.02 if o % 5 else 1.5)) for o in range(out)]
                c["bias"] = [rng.randint(-20000, 20000) for _ in range(out)]
            if kind == "add":
                c.update(second=numbers(rng, len(c["x"])), second_scale=scale(0.002, 0.3), second_zero=rng.randint(-128, 127))
            if kind == "softmax":
                c.update(y_scale=1 / 256, y_zero=-128, relu=False)
            if kind == "relu":
                c["relu"] = False
            yield c


def interpreted(c):
    """The output by TensorFlow Lite's reference kernels."""
    import flatbuffers, numpy, tflite
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    b = flatbuffers.Builder(4096)
    buffers, tensors = [b""], []

    def vector(start, items, put):
        start(b, len(items))
        for item in reversed(items):
            put(item)
        return b.EndVector()

    ints = lambda start, items: vector(start, items, b.PrependInt32)

    def tensor(name, shape, kind, scales, zeros, axis=0, data=None):
        buffer = 0
        if data is not None:
            buffer = len(buffers)
            buffers.append(data)
        name = b.CreateString(name)
        scales_at = vector(tflite.QuantizationParametersStartScaleVector, scales, b.PrependFloat32)
        zeros_at = vector(tflite.QuantizationParametersStartZeroPointVector, zeros, b.PrependInt64)
        tflite.QuantizationParametersStart(b)
        tflite.QuantizationParametersAddScale(b, scales_at)
        tflite.QuantizationParametersAddZeroPoint(b, zeros_at)
        tflite.QuantizationParametersAddQuantizedDimension(b, axis)
        quantization = tflite.QuantizationParametersEnd(b)
        shape = ints(tflite.TensorStartShapeVector, shape)
        tflite.TensorStart(b)
        tflite.TensorAddShape(b, shape)
        tflite.TensorAddType(b, kind)
        tflite.TensorAddBuffer(b, buffer)
        tflite.TensorAddName(b, name)
        tflite.TensorAddQuantization(b, quantization)
        tensors.append(tflite.TensorEnd(b))
        return len(tensors) - 1

    kind, act = c["kind"], 1 if c["relu"] else 0
    flat = kind in ("dense", "add", "relu", "softmax")
    shape = lambda s: [1, s[2]] if flat else [1, *s]
    x = tensor("x", shape(c["input"]), tflite.TensorType.INT8, [c["x_scale"]], [c["x_zero"]])
    inputs = [x]
    if "w" in c:
        w = numpy.array(c["w"], numpy.int8)
        out, groups = c["output"][2], c["groups"]
        (kh, kw), inp = c["kernel"], c["input"][2] // groups
        dims, axis = ([out, inp], 0) if kind == "dense" else ([out, kh, kw, inp], 0)
        if kind == "depthwise":
            w, dims, axis = w.reshape(out, kh, kw).transpose(1, 2, 0), [1, kh, kw, out], 3
        inputs.append(tensor("w", dims, tflite.TensorType.INT8, c["w_scale"], [0] * out, axis, w.tobytes()))
        bias = numpy.array(c["bias"], numpy.int32).tobytes()
        scales = [f32(c["x_scale"] * s) for s in c["w_scale"]]
        inputs.append(tensor("b", [out], tflite.TensorType.INT32, scales, [0] * out, 0, bias))
    if kind == "add":
        inputs.append(tensor("z", shape(c["input"]), tflite.TensorType.INT8, [c["second_scale"]], [c["second_zero"]]))
    y = tensor("y", shape(c["output"]), tflite.TensorType.INT8, [c["y_scale"]], [c["y_zero"]])
    O, B = tflite.BuiltinOptions, tflite.BuiltinOperator
    padding = 0 if any(c.get("padding", ())) else 1
    if kind == "dense":
        code, options = B.FULLY_CONNECTED, O.FullyConnectedOptions
        tflite.FullyConnectedOptionsStart(b)
        tflite.FullyConnectedOptionsAddFusedActivationFunction(b, act)
        at = tflite.FullyConnectedOptionsEnd(b)
    elif kind == "conv":
        code, options = B.CONV_2D, O.Conv2DOptions
        tflite.Conv2DOptionsStart(b)
        tflite.Conv2DOptionsAddPadding(b, padding)
        tflite.Conv2DOptionsAddStrideH(b, c["stride"][0])
        tflite.Conv2DOptionsAddStrideW(b, c["stride"][1])
        tflite.Conv2DOptionsAddFusedActivationFunction(b, act)
        at = tflite.Conv2DOptionsEnd(b)
    elif kind == "depthwise":
        code, options = B.DEPTHWISE_CONV_2D, O.DepthwiseConv2DOptions
        tflite.DepthwiseConv2DOptionsStart(b)
        tflite.DepthwiseConv2DOptionsAddPadding(b, padding)
        tflite.DepthwiseConv2DOptionsAddStrideH(b, c["stride"][0])
        tflite.DepthwiseConv2DOptionsAddStrideW(b, c["stride"][1])
        tflite.DepthwiseConv2DOptionsAddDepthMultiplier(b, c["output"][2] // c["input"][2])
        tflite.DepthwiseConv2DOptionsAddFusedActivationFunction(b, act)
        at = tflite.DepthwiseConv2DOptionsEnd(b)
    elif kind in ("maxpool", "averagepool"):
        code = B.MAX_POOL_2D if kind == "maxpool" else B.AVERAGE_POOL_2D
        options = O.Pool2DOptions
        tflite.Pool2DOptionsStart(b)
        tflite.Pool2DOptionsAddPadding(b, padding)
        tflite.Pool2DOptionsAddStrideH(b, c["stride"][0])
        tflite.Pool2DOptionsAddStrideW(b, c["stride"][1])
        tflite.Pool2DOptionsAddFilterHeight(b, c["kernel"][0])
        tflite.Pool2DOptionsAddFilterWidth(b, c["kernel"][1])
        at = tflite.Pool2DOptionsEnd(b)
    elif kind == "add":
        code, options = B.ADD, O.AddOptions
        tflite.AddOptionsStart(b)
        tflite.AddOptionsAddFusedActivationFunction(b, act)
        at = tflite.AddOptionsEnd(b)
    elif kind == "softmax":
        code, options = B.SOFTMAX, O.SoftmaxOptions
        tflite.SoftmaxOptionsStart(b)
        tflite.SoftmaxOptionsAddBeta(b, 1.0)
        at = tflite.SoftmaxOptionsEnd(b)
    else:
        code, options, at = B.RELU, 0, None
    op_in = ints(tflite.OperatorStartInputsVector, inputs)
    op_out = ints(tflite.OperatorStartOutputsVector, [y])
    tflite.OperatorStart(b)
    tflite.OperatorAddOpcodeIndex(b, 0)
    tflite.OperatorAddInputs(b, op_in)
    tflite.OperatorAddOutputs(b, op_out)
    if at is not None:
        tflite.OperatorAddBuiltinOptionsType(b, options)
        tflite.OperatorAddBuiltinOptions(b, at)
    operator = tflite.OperatorEnd(b)
    tflite.OperatorCodeStart(b)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(b, code)
    tflite.OperatorCodeAddBuiltinCode(b, code)
    tflite.OperatorCodeAddVersion(b, 5 if "w" in c else 2)
    opcode = tflite.OperatorCodeEnd(b)
    offsets = lambda start, items: vector(start, items, b.PrependUOffsetTRelative)
    all_tensors = offsets(tflite.SubGraphStartTensorsVector, tensors)
    operators = offsets(tflite.SubGraphStartOperatorsVector, [operator])
    activations = [x] + ([inputs[1]] if kind == "add" else [])
    graph_in = ints(tflite.SubGraphStartInputsVector, activations)
    graph_out = ints(tflite.SubGraphStartOutputsVector, [y])
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, all_tensors)
    tflite.SubGraphAddInputs(b, graph_in)
    tflite.SubGraphAddOutputs(b, graph_out)
    tflite.SubGraphAddOperators(b, operators)
    graph = tflite.SubGraphEnd(b)
    made = []
    for data in buffers:
        data_at = b.CreateByteVector(data) if data else None
        tflite.BufferStart(b)
        if data_at is not None:
            tflite.BufferAddData(b, data_at)
        made.append(tflite.BufferEnd(b))
    all_buffers = offsets(tflite.ModelStartBuffersVector, made)
    codes = offsets(tflite.ModelStartOperatorCodesVector, [opcode])
    graphs = offsets(tflite.ModelStartSubgraphsVector, [graph])
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddOperatorCodes(b, codes)
    tflite.ModelAddSubgraphs(b, graphs)
    tflite.ModelAddBuffers(b, all_buffers)
    b.Finish(tflite.ModelEnd(b), b"TFL3")
    run = Interpreter(model_content=bytes(b.Output()), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    run.allocate_tensors()
    given = [c["x"]] + ([c["second"]] if kind == "add" else [])
    for detail, data in zip(run.get_input_details(), given):
        run.set_tensor(detail["index"], numpy.array(data, numpy.int8).reshape(detail["shape"]))
    run.invoke()
    return [int(v) for v in run.get_tensor(run.get_output_details()[0]["index"]).flatten()]


def main():
    interpret = "--without-interpreter" not in sys.argv
    lines = ["# Written by int8.py: a line for each number or list of a case; scales are the bits of an f32."]
    for c in cases():
        y = expected(c)
        if interpret:
            got = interpreted(c)
            assert got == y, f"{c}\nhere {y}\ninterpreter {got}"
        words = lambda items: " ".join(str(i) for i in items)
        bits = lambda s: struct.unpack("I", struct.pack("f", s))[0]
        lines.append(f"case {c['kind']} {int(c['relu'])}")
        lines.append("shapes " + words([*c["input"], *c["output"]]))
        if "kernel" in c:
            lines.append("window " + words([*c["kernel"], *c["stride"], *c["padding"], c["groups"]]))
        for value in ("x", "second", "y"):
            if value + "_scale" in c:
                lines.append(f"{value}_values {bits(c[value + '_scale'])} {c[value + '_zero']}")
        if "w" in c:
            lines += ["steps " + words(map(bits, c["w_scale"])), "bias " + words(c["bias"]), "w " + words(c["w"])]
        lines.append("x " + words(c["x"]))
        if "second" in c:
            lines.append("second " + words(c["second"]))
        lines.append("y " + words(y))
    Path(__file__).with_suffix(".txt").write_text("\n".join(lines) + "\n")
    print(sum(line.startswith("case") for line in lines), "cases, by", "both" if interpret else "Python alone")


main()
