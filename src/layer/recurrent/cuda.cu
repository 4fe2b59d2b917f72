// What recurrent layers do at each token, a thread for each unit: their products with W and U are cuBLAS's.
// A record of a token holds the numbers that the cell keeps, then the state before it.

static __device__ float logistic(float x) { return 1.0f / (1.0f + expf(-x)); }

#define NO_TOKEN 0xffffffffu

// `biases` are b and c of all gates, `a` their W x + b, `u` their U h + c, `h` and `m` the state and the memory before; the cell sets
// both to those after the token, and what it keeps.
#define RECURRENT_FORWARD(name, gates, slots, cell)                                                       \
    KERNEL name(Real* y, float* memory, float* records, const float* input, const float* state,          \
                const float* biases, unsigned hidden, unsigned tokens, unsigned token, unsigned before,     \
                unsigned n) {                                                                             \
        EACH(i, n) {                                                                                      \
            unsigned unit = i % hidden, example = i / hidden;                                             \
            size_t first = (size_t)example * tokens;                                                      \
            bool begins = before == NO_TOKEN;                                                             \
            float h = begins ? 0.0f : y[(first + before) * hidden + unit], m = begins ? 0.0f : memory[i]; \
            float a[gates], u[gates], keep[slots], h_before = h;                                          \
            for (unsigned g = 0; g < gates; ++g) {                                                        \
                a[g] = input[((first + token) * gates + g) * hidden + unit] + biases[g * hidden + unit];  \
                u[g] = biases[(gates + g) * hidden + unit];                                               \
                if (!begins) u[g] += state[((size_t)example * gates + g) * hidden + unit];                \
            }                                                                                             \
            cell;                                                                                         \
            y[(first + token) * hidden + unit] = h;                                                       \
            memory[i] = m;                                                                                \
            if (records) {                                                                                \
                float* record = records + (first + token) * (slots + 1) * hidden + unit;                  \
                for (unsigned slot = 0; slot < slots; ++slot) record[slot * hidden] = keep[slot];         \
                record[slots * hidden] = h_before;                                                        \
            }                                                                                             \
        }                                                                                                 \
    }

// `keep` is what was kept, `h` and `m` are the state and the memory before the token, `dh` and `dm` the
// gradients of those after it; the cell sets these to the gradients of those before, and `keep` to those of
// the gates.
#define RECURRENT_BACKWARD(name, slots, memory_slot, cell)                                                \
    KERNEL name(float* records, float* dh_, float* dm_, const Real* dy, unsigned hidden, unsigned tokens, \
                unsigned token, unsigned before, unsigned n) {                                            \
        EACH(i, n) {                                                                                      \
            unsigned unit = i % hidden;                                                                   \
            size_t first = (size_t)(i / hidden) * tokens;                                                 \
            float* record = records + (first + token) * (slots + 1) * hidden + unit;                      \
            float keep[slots];                                                                            \
            for (unsigned slot = 0; slot < slots; ++slot) keep[slot] = record[slot * hidden];             \
            float h = record[slots * hidden], m = 0.0f;                                                   \
            if (before != NO_TOKEN)                                                                       \
                m = records[(first + before) * (slots + 1) * hidden + (memory_slot) * hidden + unit];     \
            float dh = dh_[i] + dy[(first + token) * hidden + unit], dm = dm_[i];                         \
            cell;                                                                                         \
            (void)h;                                                                                      \
            (void)m;                                                                                      \
            dh_[i] = dh;                                                                                  \
            dm_[i] = dm;                                                                                  \
            for (unsigned slot = 0; slot < slots; ++slot) record[slot * hidden] = keep[slot];             \
        }                                                                                                 \
    }

// The sums of columns of records that lie `step` numbers apart.
KERNEL record_sums(float* partial, const float* records, unsigned rows, unsigned columns, unsigned step) {
    COLUMN_SUMS(partial, rows, columns, records[(size_t)row * step + column]);
}

RECURRENT_FORWARD(rnn_forward, 1, 1, {
    h = tanhf(a[0] + u[0]);
    keep[0] = h;
})

RECURRENT_BACKWARD(rnn_backward, 1, 0, {
    keep[0] = dh * (1.0f - keep[0] * keep[0]);
    dh = 0.0f;
})

// Gates r, z, n; kept are these and what r multiplies.
RECURRENT_FORWARD(gru_forward, 3, 4, {
    keep[0] = logistic(a[0] + u[0]);
    keep[1] = logistic(a[1] + u[1]);
    keep[2] = tanhf(a[2] + keep[0] * u[2]);
    keep[3] = u[2];
    h = (1.0f - keep[1]) * keep[2] + keep[1] * h;
})

RECURRENT_BACKWARD(gru_backward, 4, 0, {
    float r = keep[0];
    float z = keep[1];
    float way = keep[2];
    float dn = dh * (1.0f - z) * (1.0f - way * way);
    keep[0] = dn * keep[3] * r * (1.0f - r);
    keep[1] = dh * (h - way) * z * (1.0f - z);
    keep[2] = dn;
    keep[3] = dn * r;
    dh = dh * z;
})

// Gates i, f, g, o; kept are these and the memory after the token.
RECURRENT_FORWARD(lstm_forward, 4, 5, {
    keep[0] = logistic(a[0] + u[0]);
    keep[1] = logistic(a[1] + u[1]);
    keep[2] = tanhf(a[2] + u[2]);
    keep[3] = logistic(a[3] + u[3]);
    m = keep[1] * m + keep[0] * keep[2];
    keep[4] = m;
    h = keep[3] * tanhf(m);
})

RECURRENT_BACKWARD(lstm_backward, 5, 4, {
    float in = keep[0];
    float forget = keep[1];
    float g = keep[2];
    float out = keep[3];
    float t = tanhf(keep[4]);
    float dc = dm + dh * out * (1.0f - t * t);
    keep[0] = dc * g * in * (1.0f - in);
    keep[1] = dc * m * forget * (1.0f - forget);
    keep[2] = dc * in * (1.0f - g * g);
    keep[3] = dh * t * out * (1.0f - out);
    dh = 0.0f;
    dm = dc * forget;
})
