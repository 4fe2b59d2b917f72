// Normal numbers by their index, to the bits of the rules in Rust: libm's logarithm, cosine and sine, step
// for step, each in the precision that it has there. Nothing is contracted (--fmad=false).

// ln x for 2⁻¹²⁶ ≤ x < ∞, in f32 as there: x = 2ᵏ m, √½ ≤ m < √2, and ln m by s = (m − 1) / (m + 1).
static __device__ float logarithm(float x) {
    unsigned bits = __float_as_uint(x);
    if (bits == 0x3f800000) return 0.0f;
    bits += 0x3f800000 - 0x3f3504f3;
    float k = (float)((int)(bits >> 23) - 127);
    float f = __uint_as_float((bits & 0x007fffff) + 0x3f3504f3) - 1.0f;
    float s = f / (2.0f + f), z = s * s, w = z * z;
    float even = w * (0.40000972152f + w * 0.24279078841f);
    float odd = z * (0.66666662693f + w * 0.28498786688f);
    float square = 0.5f * f * f;
    return s * (square + (odd + even)) + k * 9.0580006145e-06f - square + f + k * 6.9313812256e-01f;
}

// cos x and sin x for |x| ≤ π/4, in f64 as there.
static __device__ float near_cosine(double x) {
    double z = x * x, w = z * z, r = -0.00138867637746099294692 + z * 0.0000243904487962774090654;
    return (float)(((1.0 + z * -0.499999997251031003120) + w * 0.0416666233237390631894) + (w * z) * r);
}

static __device__ float near_sine(double x) {
    double z = x * x, w = z * z, r = -0.000198393348360966317347 + z * 0.0000027183114939898219064;
    double s = z * x;
    return (float)((x + s * (-0.166666666416265235595 + z * 0.0083333293858894631756)) + s * w * r);
}

#define QUARTER 1.57079632679489661923

// cos x and sin x for 0 ≤ x ≤ 9π/4, by the nearest quarter of a turn.
static __device__ float cosine(float x) {
    unsigned bits = __float_as_uint(x);
    if (bits < 0x39800000) return 1.0f;
    if (bits <= 0x3f490fda) return near_cosine(x);
    if (bits <= 0x4016cbe3) return near_sine(QUARTER - x);
    if (bits <= 0x407b53d1) return -near_cosine(x - 2.0 * QUARTER);
    if (bits <= 0x40afeddf) return near_sine(x - 3.0 * QUARTER);
    return near_cosine(x - 4.0 * QUARTER);
}

static __device__ float sine(float x) {
    unsigned bits = __float_as_uint(x);
    if (bits < 0x39800000) return x;
    if (bits <= 0x3f490fda) return near_sine(x);
    if (bits <= 0x4016cbe3) return near_cosine(x - QUARTER);
    if (bits <= 0x407b53d1) return near_sine(-(x - 2.0 * QUARTER));
    if (bits <= 0x40afeddf) return -near_cosine(x - 3.0 * QUARTER);
    return near_sine(x - 4.0 * QUARTER);
}

// Box–Muller: the radius √(−2 ln u), u in (0, 1], and the angle of a standard normal pair.
static __device__ float2 polar(unsigned a, unsigned b) {
    float u = ((float)a + 1.0f) * __int_as_float((127 - 32) << 23);
    float turn = (float)(b >> 8) * __int_as_float((127 - 24) << 23);
    return make_float2(sqrtf(-2.0f * logarithm(u)), 6.28318530717958647692f * turn);
}

// The standard normal number of a weight.
static __device__ float normal(unsigned i, uint2 seed, unsigned tensor, unsigned attempt) {
    uint4 four = philox(make_uint4(i / 4, 0, tensor, attempt), seed);
    float2 pair = i % 4 < 2 ? polar(four.x, four.y) : polar(four.z, four.w);
    return pair.x * (i % 2 == 0 ? cosine(pair.y) : sine(pair.y));
}

KERNEL rule_normal(float* w, float deviation, unsigned seed_low, unsigned seed_high, unsigned tensor,
                   unsigned n) {
    EACH(pair, (n + 1) / 2) {
        uint4 four = words(pair / 2, make_uint2(seed_low, seed_high), tensor);
        float2 at = pair % 2 == 0 ? polar(four.x, four.y) : polar(four.z, four.w);
        w[2 * pair] = deviation * (at.x * cosine(at.y));
        if (2 * pair + 1 < n) w[2 * pair + 1] = deviation * (at.x * sine(at.y));
    }
}

// The first of 16 draws that lies within ± 2; 0, where none does.
KERNEL rule_truncated_normal(float* w, float deviation, unsigned seed_low, unsigned seed_high,
                             unsigned tensor, unsigned n) {
    uint2 seed = make_uint2(seed_low, seed_high);
    EACH(i, n) {
        float z = normal(i, seed, tensor, 0);
        for (unsigned attempt = 1; attempt < 16 && !(fabsf(z) <= 2.0f); ++attempt)
            z = normal(i, seed, tensor, attempt);
        w[i] = deviation * (fabsf(z) <= 2.0f ? z : 0.0f);
    }
}

// The identity of `rule_identity`, whose entries, and only they, are drawn. One that is −0 is 0, as there.
KERNEL rule_loose(float* w, Sizes d, unsigned order, float gain, float deviation, unsigned seed_low,
                  unsigned seed_high, unsigned tensor, unsigned n) {
    unsigned row = d.kernel[0] * d.kernel[1] * d.inp;
    EACH(i, n) {
        float number = 0.0f;
        if (i % row == stored(d, order, i / row % d.group % row))
            number = gain + deviation * normal(i, make_uint2(seed_low, seed_high), tensor, 0);
        w[i] = number == 0.0f ? 0.0f : number;
    }
}
