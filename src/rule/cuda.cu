// Initial weights by their index, to the bits of the rules in Rust: [out][kh][kw][in].

// The sizes of a weight; `group` is the outputs of one group.
struct Sizes {
    unsigned inp, kernel[2], group;
};

#define SPATIAL_MAJOR 0
#define CHANNEL_MAJOR 1
#define DIAGONAL 2

// The column of a patch as it is stored.
static __device__ unsigned stored(Sizes d, unsigned order, unsigned j) {
    unsigned taps = d.kernel[0] * d.kernel[1];
    if (order == CHANNEL_MAJOR) return j % taps * d.inp + j / taps;
    if (order == DIAGONAL) return (j % d.inp + j / d.inp + taps / 2) % taps * d.inp + j % d.inp;
    return j;
}

// The columns of the +ε and the −ε of row `m` of IDIZ.
static __device__ uint2 plus_minus(unsigned m, unsigned out, unsigned inp) {
    unsigned plus = m % inp;
    return make_uint2(plus, out < inp ? out + m % (inp - out) : (plus + 1) % inp);
}

static __device__ uint2 patch_pair(Sizes d, unsigned order, unsigned m) {
    unsigned taps = d.kernel[0] * d.kernel[1], row = taps * d.inp;
    uint2 pair = plus_minus(m, d.group, row);
    if (order == DIAGONAL && taps > 1) {
        unsigned plus = m % row, turn = plus / d.inp, c = plus % d.inp;
        pair = make_uint2(plus, d.inp > 1 ? (c + 1) % d.inp + turn * d.inp : (plus + 1) % row);
    }
    return make_uint2(stored(d, order, pair.x), stored(d, order, pair.y));
}

static __device__ unsigned centre(Sizes d, unsigned c) {
    return (d.kernel[0] / 2 * d.kernel[1] + d.kernel[1] / 2) * d.inp + c;
}

// One weight of each: its row counts within its group.
#define EXACT(name, value)                                                                                \
    KERNEL name(float* w, Sizes d, unsigned order, float gain, unsigned n) {                              \
        unsigned row = d.kernel[0] * d.kernel[1] * d.inp;                                                 \
        EACH(i, n) {                                                                                      \
            unsigned j = i % row, m = i / row % d.group;                                                  \
            float number = 0.0f;                                                                          \
            value;                                                                                        \
            w[i] = number;                                                                                \
        }                                                                                                 \
    }

EXACT(rule_identity, { if (j == stored(d, order, m % row)) number = gain; })
EXACT(rule_zero_preserving, {
    uint2 pair = patch_pair(d, order, m);
    number = j == pair.y ? 0.0f - gain : j == pair.x ? gain : 0.0f;
})
EXACT(rule_dirac, { if (j == centre(d, m % d.inp)) number = gain; })
EXACT(rule_dirac_zero, {
    uint2 pair = plus_minus(m, d.group, d.inp);
    number = j == centre(d, pair.y) ? 0.0f - gain : j == centre(d, pair.x) ? gain : 0.0f;
})
EXACT(rule_hadamard, {
    unsigned first = centre(d, 0);
    if (j >= first && j - first < d.inp) number = __popc(m & (j - first)) % 2 ? 0.0f - gain : gain;
})

// The words of four weights' chance.
static __device__ uint4 words(unsigned block, uint2 seed, unsigned tensor) {
    return philox(make_uint4(block, 0, tensor, 0), seed);
}

// The upper 24 bits as a number in [−1, 1).
static __device__ float signed_number(unsigned word) {
    return (float)((int)word >> 8) * __int_as_float((127 - 23) << 23);
}

KERNEL rule_uniform(float* w, float bound, unsigned seed_low, unsigned seed_high, unsigned tensor,
                    unsigned n) {
    EACH(block, (n + 3) / 4) {
        uint4 four = words(block, make_uint2(seed_low, seed_high), tensor);
        unsigned each[4] = {four.x, four.y, four.z, four.w};
        for (unsigned i = 0; i < 4 && 4 * block + i < n; ++i)
            w[4 * block + i] = bound * signed_number(each[i]);
    }
}

// What stands there, by a factor.
KERNEL rule_scaled(float* w, float factor, unsigned n) {
    EACH(i, n) w[i] *= factor;
}
