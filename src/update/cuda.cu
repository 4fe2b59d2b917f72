// How weights move. A block moves one run of weights, whose place, gradient, length and group stand in a
// table; what a step does to each group is eight numbers (`update/on_gpu.rs`).

// The sum of squares and the largest size of a block's share of the gradient; NaN counts as the largest.
KERNEL gradient_size(double* squares, float* largest, const float* g, unsigned n) {
    __shared__ double sums[256];
    __shared__ float sizes[256];
    double sum = 0.0;
    float size = 0.0f;
    EACH(i, n) {
        sum += (double)g[i] * (double)g[i];
        float here = fabsf(g[i]);
        if (!(here <= size)) size = here;
        if (isnan(here)) size = infinity();
    }
    sums[threadIdx.x] = sum;
    sizes[threadIdx.x] = size;
    for (unsigned half = 128; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) {
            sums[threadIdx.x] += sums[threadIdx.x + half];
            sizes[threadIdx.x] = fmaxf(sizes[threadIdx.x], sizes[threadIdx.x + half]);
        }
    }
    if (threadIdx.x == 0) {
        squares[blockIdx.x] = sums[0];
        largest[blockIdx.x] = sizes[0];
    }
}

// verdict[0]: what gradients are multiplied by: the share that the step asks for, and what clipping makes of
// it. verdict[1]: 1 where weights can move, 0 where the loss is not finite, −1 where a gradient is too large.
KERNEL gradient_verdict(float* verdict, const double* squares, const float* largest, const float* loss,
                        const float* share_, float most, float tame, unsigned blocks) {
    if (blockIdx.x != 0 || threadIdx.x != 0) return;
    float share = *share_;
    double square = 0.0;
    float size = 0.0f;
    for (unsigned i = 0; i < blocks; ++i) {
        square += squares[i];
        size = fmaxf(size, largest[i]);
    }
    float factor = most / (share * (float)sqrt(square) + 1e-6f);
    verdict[0] = share * (most < infinity() && factor < 1.0f ? factor : 1.0f);
    verdict[1] = !isfinite(*loss) ? 0.0f : size < tame ? 1.0f : -1.0f;
}

// sum += factor · g: the gradient of a part of a step, where its loss and all of it are finite.
KERNEL gather(float* sum, const float* g, const float* verdict, float factor, unsigned n) {
    if (verdict[1] != 1.0f) return;
    EACH(i, n) sum[i] += factor * g[i];
}

// What came of a step, at the place of its note: its loss, its verdict, and the place of the last gradient that
// is too large, if that is why it was refused. Once one was, all are halted until the host has read of it.
KERNEL note_step(float* notes, float* halted, const float* results, const float* g, const float* place,
                 float tame, unsigned n) {
    __shared__ unsigned last[256];
    unsigned wild = 0;
    if (results[2] < 0.0f) {
        EACH(i, n) if (!(fabsf(g[i]) < tame)) wild = i;
    }
    last[threadIdx.x] = wild;
    for (unsigned half = 128; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) last[threadIdx.x] = max(last[threadIdx.x], last[threadIdx.x + half]);
    }
    if (threadIdx.x != 0) return;
    float* note = notes + 3 * __float_as_uint(*place);
    note[0] = results[0];
    note[1] = results[2];
    note[2] = __uint_as_float(last[0]);
    if (results[2] != 1.0f) *halted = 1.0f;
}

// One entry of the table for each block: the first weight, the first gradient, their number, the group.
#define MOVE(name, kept, step)                                                                            \
    KERNEL name(float* w_, float* s_, const float* g_, const unsigned* table, const float* moves,         \
                const float* verdict) {                                                                   \
        if (verdict[1] != 1.0f) return;                                                                   \
        const unsigned* entry = table + 4 * blockIdx.x;                                                   \
        const float* m = moves + 8 * entry[3];                                                            \
        for (unsigned i = threadIdx.x; i < entry[2]; i += blockDim.x) {                                   \
            float w = w_[entry[0] + i], g = g_[entry[1] + i] * verdict[0];                                \
            float* s = s_ + (size_t)(kept) * (entry[1] + i);                                              \
            step;                                                                                         \
            w_[entry[0] + i] = w;                                                                         \
        }                                                                                                 \
    }

// rate, decay
MOVE(move_sgd, 0, { (void)s; w -= m[0] * (g + m[1] * w); })

// rate, decay, momentum, Nesterov's or not
MOVE(move_momentum, 1, {
    g = g + m[1] * w;
    s[0] = m[2] * s[0] + g;
    w -= m[0] * (m[3] != 0.0f ? g + m[2] * s[0] : s[0]);
})

// rate, penalty, β₁, β₂, ε, scale, kept
MOVE(move_adam, 2, {
    g = g + m[1] * w;
    s[0] = m[2] * s[0] + (1.0f - m[2]) * g;
    s[1] = m[3] * s[1] + (1.0f - m[3]) * (g * g);
    w = m[6] * w - m[0] * (s[0] / (sqrtf(s[1]) * m[5] + m[4]));
})

// rate, decay, ρ, ε
MOVE(move_ada_delta, 2, {
    g = g + m[1] * w;
    s[0] = m[2] * s[0] + (1.0f - m[2]) * (g * g);
    float d = sqrtf(s[1] + m[3]) / sqrtf(s[0] + m[3]) * g;
    s[1] = m[2] * s[1] + (1.0f - m[2]) * (d * d);
    w -= m[0] * d;
})

// rate, decay, ε
MOVE(move_adagrad, 1, {
    g = g + m[1] * w;
    s[0] += g * g;
    w -= m[0] * (g / (sqrtf(s[0]) + m[2]));
})
