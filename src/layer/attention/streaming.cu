// Attention that never holds its scores: a block has a tile of queries, and goes through the keys tile by tile
// with a softmax that is scaled down where a larger score comes (Milakov & Gimelshein 2018; Dao et al. 2022,
// algorithm 1). Backward computes each tile of scores again, from what forward saved of each query: once by
// queries, for their gradients, and once by keys, for those of keys and values (Dao 2023, §3.1), so that
// each number is summed by one thread, in the order of the tiles.
//
// A block has 128 threads, 8 × 16. Of a tile of SIDE × SIDE scores, thread (i, j) has the rows i ROWS … and
// the columns j, j + 16 …; of a tile of SIDE × WIDE numbers, the same rows and columns. So all of a row lies
// with one half of a warp. Heads are padded by zeros to the next of three widths.
//
// Only for f32: in bf16, matrix units multiply, which these kernels do not use.

#ifndef BF16

template <unsigned WIDE>
struct Tiles {
    // tiles of four sorts are to fit 48 KB
    static constexpr unsigned SIDE = WIDE > 64 ? 16 : 32;
    // four numbers more than it has, so that 8 rows that are read together lie in different banks
    static constexpr unsigned STEP = WIDE + 4, WEIGHTS = SIDE + 4;
    static constexpr unsigned ROWS = SIDE / 8, COLUMNS = SIDE / 16, NUMBERS = WIDE / 16;
    static constexpr unsigned TILE = SIDE * STEP, ROOM = 4 * TILE + SIDE * WEIGHTS;
};

// One head of one example, its numbers, and the tile of this block.
struct Head {
    const Real *x, *padding;
    // of x, which holds queries, keys and values side by side, and of y
    size_t start, row;
    unsigned d, width, tokens, causal, tile, tiles;
    // among the queries of all heads
    size_t query;

    __device__ Head(const Real* x_, const Real* padding_, unsigned heads, unsigned width_, unsigned tokens_,
                    unsigned causal_, unsigned side) {
        tiles = (tokens_ + side - 1) / side;
        tile = blockIdx.x % tiles;
        unsigned head = blockIdx.x / tiles % heads;
        size_t example = blockIdx.x / tiles / heads;
        x = x_, width = width_, tokens = tokens_, causal = causal_, d = heads * width_;
        padding = padding_ ? padding_ + example * tokens : 0;
        start = example * tokens * 3 * d + head * width;
        row = example * tokens * d + head * width;
        query = (example * heads + head) * tokens;
    }

    // Where the queries (0), keys (1) or values (2) begin.
    __device__ size_t part(unsigned which) const { return start + which * d; }

    __device__ bool looks(unsigned q, unsigned k) const {
        return q < tokens && k < tokens && looks_at(q, k, causal, padding);
    }
};

// The sum over half a warp, in its every lane.
static __device__ float half_sum(float x) {
    for (int half = 8; half > 0; half /= 2) x += __shfl_xor_sync(0xffffffffu, x, half);
    return x;
}

static __device__ float half_largest(float x) {
    for (int half = 8; half > 0; half /= 2) {
        float other = __shfl_xor_sync(0xffffffffu, x, half);
        x = other > x ? other : x;
    }
    return x;
}

// SIDE rows from `first` on, times a factor; zeros behind the last token and behind the width.
template <unsigned WIDE>
static __device__ void tile_of(float* tile, const Real* rows, size_t step, unsigned first, const Head& head,
                               float factor) {
    using T = Tiles<WIDE>;
#pragma unroll 4
    for (unsigned i = threadIdx.x; i < T::SIDE * WIDE; i += 128) {
        unsigned row = i / WIDE, c = i % WIDE;
        bool there = first + row < head.tokens && c < head.width;
        tile[row * T::STEP + c] = there ? factor * rows[(first + row) * step + c] : 0.0f;
    }
}

// Four numbers in one read; each is named, or the compiler splits the four in ways that differ from run to run.
static __device__ void four(float (&to)[4], const float* from) {
    const float4* all = (const float4*)from;
    to[0] = all->x, to[1] = all->y, to[2] = all->z, to[3] = all->w;
}

// The products of this thread's rows of one tile with rows j, j + 16 … of another.
template <unsigned WIDE>
static __device__ void dots(float (&dot)[Tiles<WIDE>::ROWS][Tiles<WIDE>::COLUMNS], const float* a,
                            const float* b) {
    using T = Tiles<WIDE>;
    a += threadIdx.x / 16 * T::ROWS * T::STEP;
    b += threadIdx.x % 16 * T::STEP;
    for (unsigned r = 0; r < T::ROWS; ++r)
        for (unsigned k = 0; k < T::COLUMNS; ++k) dot[r][k] = 0.0f;
#pragma unroll 2
    for (unsigned c = 0; c < WIDE; c += 4) {
        float left[T::ROWS][4], right[T::COLUMNS][4];
        for (unsigned r = 0; r < T::ROWS; ++r) four(left[r], a + r * T::STEP + c);
        for (unsigned k = 0; k < T::COLUMNS; ++k) four(right[k], b + 16 * k * T::STEP + c);
        for (unsigned r = 0; r < T::ROWS; ++r)
            for (unsigned k = 0; k < T::COLUMNS; ++k)
                for (unsigned i = 0; i < 4; ++i) dot[r][k] = fmaf(left[r][i], right[k][i], dot[r][k]);
    }
}

// Writes this thread's weights to their tile, for the half of the warp that has their rows.
template <unsigned WIDE>
static __device__ void share_out(float* weights, const float (&p)[Tiles<WIDE>::ROWS][Tiles<WIDE>::COLUMNS]) {
    using T = Tiles<WIDE>;
    __syncwarp();
    weights += threadIdx.x / 16 * T::ROWS * T::WEIGHTS + threadIdx.x % 16;
    for (unsigned r = 0; r < T::ROWS; ++r)
        for (unsigned k = 0; k < T::COLUMNS; ++k) weights[r * T::WEIGHTS + 16 * k] = p[r][k];
    __syncwarp();
}

// Adds the rows of a tile, by the weights of this thread's rows.
template <unsigned WIDE>
static __device__ void add_rows(float (&sum)[Tiles<WIDE>::ROWS][Tiles<WIDE>::NUMBERS], const float* weights,
                                const float* tile) {
    using T = Tiles<WIDE>;
    weights += threadIdx.x / 16 * T::ROWS * T::WEIGHTS;
    tile += threadIdx.x % 16;
#pragma unroll 1
    for (unsigned k = 0; k < T::SIDE; k += 4) {
        float p[T::ROWS][4];
        for (unsigned r = 0; r < T::ROWS; ++r) four(p[r], weights + r * T::WEIGHTS + k);
        for (unsigned n = 0; n < T::NUMBERS; ++n) {
            const float* from = tile + k * T::STEP + 16 * n;
            float v[4] = {from[0], from[T::STEP], from[2 * T::STEP], from[3 * T::STEP]};
            for (unsigned r = 0; r < T::ROWS; ++r)
                for (unsigned i = 0; i < 4; ++i) sum[r][n] = fmaf(p[r][i], v[i], sum[r][n]);
        }
    }
}

template <unsigned WIDE>
static __device__ void clear_sums(float (&sum)[Tiles<WIDE>::ROWS][Tiles<WIDE>::NUMBERS]) {
    for (unsigned r = 0; r < Tiles<WIDE>::ROWS; ++r)
        for (unsigned n = 0; n < Tiles<WIDE>::NUMBERS; ++n) sum[r][n] = 0.0f;
}

// Writes the numbers of this thread that are there to their part of a gradient, or adds them.
template <unsigned WIDE>
static __device__ void hand_over(Real* part, const float (&sum)[Tiles<WIDE>::ROWS][Tiles<WIDE>::NUMBERS],
                                 unsigned first, const Head& head, unsigned fresh) {
    using T = Tiles<WIDE>;
    for (unsigned r = 0; r < T::ROWS; ++r)
        for (unsigned n = 0; n < T::NUMBERS; ++n) {
            unsigned c = threadIdx.x % 16 + 16 * n;
            Real* to = part + (size_t)(first + r) * 3 * head.d + c;
            if (first + r < head.tokens && c < head.width) *to = before(to, fresh) + sum[r][n];
        }
}

// y = softmax(α q kᵀ) v; the largest score of each query and 1 / Σ are saved, where there is room.
template <unsigned WIDE>
static __device__ void forward_stream(float* room, Head head, Real* y, float* saved, float scale) {
    using T = Tiles<WIDE>;
    float *queries = room, *keys = room + T::TILE, *values = keys + T::TILE, *weights = values + T::TILE;
    // where later queries see more keys, they begin
    unsigned corner = (head.tiles - 1 - head.tile) * T::SIDE;
    unsigned first = corner + threadIdx.x / 16 * T::ROWS;
    unsigned end = head.causal && corner + T::SIDE < head.tokens ? corner + T::SIDE : head.tokens;
    tile_of<WIDE>(queries, head.x + head.part(0), 3 * head.d, corner, head, scale);
    float most[T::ROWS], total[T::ROWS], sum[T::ROWS][T::NUMBERS];
    for (unsigned r = 0; r < T::ROWS; ++r) most[r] = -infinity(), total[r] = 0.0f;
    clear_sums<WIDE>(sum);
    for (unsigned key = 0; key < end; key += T::SIDE) {
        __syncthreads();
        tile_of<WIDE>(keys, head.x + head.part(1), 3 * head.d, key, head, 1.0f);
        tile_of<WIDE>(values, head.x + head.part(2), 3 * head.d, key, head, 1.0f);
        __syncthreads();
        float p[T::ROWS][T::COLUMNS];
        dots<WIDE>(p, queries, keys);
        for (unsigned r = 0; r < T::ROWS; ++r) {
            bool seen[T::COLUMNS];
            float largest = most[r];
            for (unsigned k = 0; k < T::COLUMNS; ++k) {
                seen[k] = head.looks(first + r, key + threadIdx.x % 16 + 16 * k);
                if (seen[k] && p[r][k] > largest) largest = p[r][k];
            }
            largest = half_largest(largest);
            // a query that has seen nothing yet has nothing to scale
            float before = most[r] == -infinity() ? 0.0f : expf(most[r] - largest);
            most[r] = largest;
            total[r] *= before;
            for (unsigned n = 0; n < T::NUMBERS; ++n) sum[r][n] *= before;
            for (unsigned k = 0; k < T::COLUMNS; ++k) {
                p[r][k] = seen[k] ? expf(p[r][k] - largest) : 0.0f;
                total[r] += p[r][k];
            }
        }
        share_out<WIDE>(weights, p);
        add_rows<WIDE>(sum, weights, values);
    }
    for (unsigned r = 0; r < T::ROWS; ++r) {
        // a query that looks at nothing gives zeros
        float powers = half_sum(total[r]), share = powers == 0.0f ? 0.0f : 1.0f / powers;
        for (unsigned n = 0; n < T::NUMBERS; ++n) {
            unsigned c = threadIdx.x % 16 + 16 * n;
            bool there = first + r < head.tokens && c < head.width;
            if (there) y[head.row + (size_t)(first + r) * head.d + c] = sum[r][n] * share;
        }
        if (saved && first + r < head.tokens && threadIdx.x % 16 == 0) {
            size_t at = head.query + first + r;
            saved[2 * at] = share == 0.0f ? 0.0f : most[r];
            saved[2 * at + 1] = share;
        }
    }
}

// With g = dy vᵀ and D = Σ p g, dq = α Σ p (g − D) k = α (Σ p g k − D Σ p k), so that one pass over the keys
// serves, though D is known at its end alone: what cancels has no larger roundings than g and D have themselves.
// D is written for the pass by keys.
template <unsigned WIDE>
static __device__ void query_stream(float* room, Head head, Real* dx, const Real* dy, const float* saved,
                                    float* means, float scale, unsigned fresh) {
    using T = Tiles<WIDE>;
    float *queries = room, *slopes = room + T::TILE, *keys = slopes + T::TILE, *values = keys + T::TILE;
    float* weights = values + T::TILE;
    unsigned corner = (head.tiles - 1 - head.tile) * T::SIDE;
    unsigned first = corner + threadIdx.x / 16 * T::ROWS;
    unsigned end = head.causal && corner + T::SIDE < head.tokens ? corner + T::SIDE : head.tokens;
    tile_of<WIDE>(queries, head.x + head.part(0), 3 * head.d, corner, head, scale);
    tile_of<WIDE>(slopes, dy + head.row, head.d, corner, head, 1.0f);
    float around[T::ROWS], share[T::ROWS], mean[T::ROWS];
    float steep[T::ROWS][T::NUMBERS], plain[T::ROWS][T::NUMBERS];
    for (unsigned r = 0; r < T::ROWS; ++r) {
        bool there = first + r < head.tokens;
        size_t at = head.query + first + r;
        around[r] = there ? saved[2 * at] : 0.0f;
        share[r] = there ? saved[2 * at + 1] : 0.0f;
        mean[r] = 0.0f;
    }
    clear_sums<WIDE>(steep);
    clear_sums<WIDE>(plain);
    for (unsigned key = 0; key < end; key += T::SIDE) {
        __syncthreads();
        tile_of<WIDE>(keys, head.x + head.part(1), 3 * head.d, key, head, 1.0f);
        tile_of<WIDE>(values, head.x + head.part(2), 3 * head.d, key, head, 1.0f);
        __syncthreads();
        float p[T::ROWS][T::COLUMNS], g[T::ROWS][T::COLUMNS];
        dots<WIDE>(p, queries, keys);
        dots<WIDE>(g, slopes, values);
        for (unsigned r = 0; r < T::ROWS; ++r)
            for (unsigned k = 0; k < T::COLUMNS; ++k) {
                bool seen = head.looks(first + r, key + threadIdx.x % 16 + 16 * k);
                p[r][k] = seen ? expf(p[r][k] - around[r]) * share[r] : 0.0f;
                g[r][k] = seen ? p[r][k] * g[r][k] : 0.0f;
                mean[r] += g[r][k];
            }
        share_out<WIDE>(weights, p);
        add_rows<WIDE>(plain, weights, keys);
        share_out<WIDE>(weights, g);
        add_rows<WIDE>(steep, weights, keys);
    }
    for (unsigned r = 0; r < T::ROWS; ++r) {
        mean[r] = half_sum(mean[r]);
        for (unsigned n = 0; n < T::NUMBERS; ++n) steep[r][n] = scale * (steep[r][n] - mean[r] * plain[r][n]);
        if (first + r < head.tokens && threadIdx.x % 16 == 0) means[head.query + first + r] = mean[r];
    }
    hand_over<WIDE>(dx + head.part(0), steep, first, head, fresh);
}

// dv = Σ p dy and dk = α Σ p (g − D) q, over the queries that look at a key.
template <unsigned WIDE>
static __device__ void key_stream(float* room, Head head, Real* dx, const Real* dy, const float* saved,
                                  const float* means, float scale, unsigned fresh) {
    using T = Tiles<WIDE>;
    float *keys = room, *values = room + T::TILE, *queries = values + T::TILE, *slopes = queries + T::TILE;
    float* weights = slopes + T::TILE;
    unsigned corner = head.tile * T::SIDE, first = corner + threadIdx.x / 16 * T::ROWS;
    tile_of<WIDE>(keys, head.x + head.part(1), 3 * head.d, corner, head, 1.0f);
    tile_of<WIDE>(values, head.x + head.part(2), 3 * head.d, corner, head, 1.0f);
    float dk[T::ROWS][T::NUMBERS], dv[T::ROWS][T::NUMBERS];
    clear_sums<WIDE>(dk);
    clear_sums<WIDE>(dv);
    for (unsigned query = head.causal ? corner : 0; query < head.tokens; query += T::SIDE) {
        __syncthreads();
        // scaled as in the other passes, so that scores are the same to the bit
        tile_of<WIDE>(queries, head.x + head.part(0), 3 * head.d, query, head, scale);
        tile_of<WIDE>(slopes, dy + head.row, head.d, query, head, 1.0f);
        __syncthreads();
        float p[T::ROWS][T::COLUMNS], g[T::ROWS][T::COLUMNS];
        dots<WIDE>(p, keys, queries);
        dots<WIDE>(g, values, slopes);
        for (unsigned k = 0; k < T::COLUMNS; ++k) {
            unsigned asks = query + threadIdx.x % 16 + 16 * k;
            bool there = asks < head.tokens;
            size_t at = head.query + asks;
            float around = there ? saved[2 * at] : 0.0f, share = there ? saved[2 * at + 1] : 0.0f;
            float mean = there ? means[at] : 0.0f;
            for (unsigned r = 0; r < T::ROWS; ++r) {
                bool seen = head.looks(asks, first + r);
                p[r][k] = seen ? expf(p[r][k] - around) * share : 0.0f;
                g[r][k] = seen ? p[r][k] * (g[r][k] - mean) : 0.0f;
            }
        }
        share_out<WIDE>(weights, p);
        add_rows<WIDE>(dv, weights, slopes);
        share_out<WIDE>(weights, g);
        add_rows<WIDE>(dk, weights, queries);
    }
    hand_over<WIDE>(dx + head.part(1), dk, first, head, fresh);
    hand_over<WIDE>(dx + head.part(2), dv, first, head, fresh);
}

#define STREAMS(WIDE)                                                                                     \
    KERNEL attention_forward_##WIDE(Real* y, const Real* x, float* saved, const Real* padding,            \
                                    unsigned heads, unsigned width, unsigned tokens, unsigned causal,     \
                                    float scale) {                                                        \
        __shared__ __align__(16) float room[Tiles<WIDE>::ROOM - Tiles<WIDE>::TILE];                       \
        Head head(x, padding, heads, width, tokens, causal, Tiles<WIDE>::SIDE);                           \
        forward_stream<WIDE>(room, head, y, saved, scale);                                                \
    }                                                                                                     \
    KERNEL attention_queries_##WIDE(Real* dx, const Real* x, const Real* dy, const float* saved,          \
                                    float* means, const Real* padding, unsigned heads, unsigned width,    \
                                    unsigned tokens, unsigned causal, float scale, unsigned fresh) {      \
        __shared__ __align__(16) float room[Tiles<WIDE>::ROOM];                                           \
        Head head(x, padding, heads, width, tokens, causal, Tiles<WIDE>::SIDE);                           \
        query_stream<WIDE>(room, head, dx, dy, saved, means, scale, fresh);                               \
    }                                                                                                     \
    KERNEL attention_keys_##WIDE(Real* dx, const Real* x, const Real* dy, const float* saved,             \
                                 const float* means, const Real* padding, unsigned heads, unsigned width, \
                                 unsigned tokens, unsigned causal, float scale, unsigned fresh) {         \
        __shared__ __align__(16) float room[Tiles<WIDE>::ROOM];                                           \
        Head head(x, padding, heads, width, tokens, causal, Tiles<WIDE>::SIDE);                           \
        key_stream<WIDE>(room, head, dx, dy, saved, means, scale, fresh);                                 \
    }

STREAMS(32)
STREAMS(64)
STREAMS(128)

#endif
