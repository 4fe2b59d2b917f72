// A convolution, and both of its gradients, as one product C = A B each whose factor A is never laid out: its
// numbers are gathered from the picture as they are needed.
//
//   forward     y  [windows, out]     A = what each window sees, [windows, kh kw inp]      B = Wᵀ
//   of input    dx [pixels, inp]      A = dy of the windows that see a pixel               B = W
//   of weights  dW [kh kw inp, out]   A = what each window sees, turned                    B = dy
//
// A block computes a tile of C, 128 rows by 64 columns or by 16. It goes through the depth of the product in
// steps of 16: both factors of a step lie in shared memory, and each thread keeps 8 × 4 or 4 × 4 sums in
// registers. The next step is read from memory while this one is multiplied. A sum goes by the depth from its
// beginning to its end in one thread, one rounding for each product and sum (fmaf).
//
// A number of A lies where its row and its depth say together: both are a place in the source, and a row and a
// column of the picture, which add up. Beyond the picture is 0. So a step divides nothing: places of rows lie in
// shared memory, and the depth counts on by carrying.
//
// Only for f32: in bf16, matrix units multiply, which these kernels do not use.

#ifndef BF16

constexpr unsigned TILE = 128, STEP = 16;

// A row or a column that no sum brings back into a picture.
constexpr unsigned OUTSIDE = 0x40000000;

// What a row of A, or a number of its depth, adds to a place in the source and in the picture.
struct Place {
    unsigned at, y, x;
};

// A number of the depth in digits, the innermost first.
struct Depth {
    unsigned k, digits[3];
};

struct Count {
    unsigned inner, middle;

    __device__ Depth depth(unsigned k) const {
        return {k, {k % inner, k / inner % middle, k / (inner * middle)}};
    }

    __device__ void advance(Depth& depth) const {
        depth.k += STEP;
        for (depth.digits[0] += STEP; depth.digits[0] >= inner;) {
            depth.digits[0] -= inner;
            if (++depth.digits[1] == middle) {
                depth.digits[1] = 0;
                ++depth.digits[2];
            }
        }
    }
};

// Sizes of a convolution: channels of one group.
struct Channels {
    unsigned inp, out, groups;
};

// What tap (ky, kx) and channel c add, and what a window adds: their sum is what the window sees there.
static __device__ Place tap(const Window& w, unsigned ky, unsigned kx, unsigned c) {
    return {(ky * w.width + kx) * w.channels + c, ky, kx};
}

static __device__ Place corner(const Window& w, unsigned example, unsigned oy, unsigned ox) {
    unsigned y = oy * w.stride[0] - w.padding[0], x = ox * w.stride[1] - w.padding[1];
    return {((example * w.height + y) * w.width + x) * w.channels, y, x};
}

template <class T> struct alignas(4 * sizeof(T)) Four {
    T each[4];
};

// Writes four numbers, or as many as there are, at once where they lie as one.
template <class T> static __device__ void put(T* to, const float* from, unsigned count) {
    Four<T> four;
    for (int i = 0; i < 4; ++i) four.each[i] = from[i];
    if (count >= 4 && (size_t)to % sizeof(four) == 0) {
        *(Four<T>*)to = four;
        return;
    }
    for (int i = 0; i < 4; ++i)
        if (i < count) to[i] = four.each[i];
}

// The tile of block `block` of a product, whose columns vary first.
template <unsigned COLUMNS, unsigned TALL, class Product>
static __device__ void tile(const Product& product, unsigned block) {
    constexpr unsigned THREADS = TILE * COLUMNS / (4 * TALL), LANES = THREADS / STEP;
    constexpr unsigned LOADS = TILE / LANES, FACTORS = COLUMNS / LANES;
    __shared__ Place places[TILE];
    __shared__ alignas(16) float a[2][STEP][TILE + 4];
    __shared__ alignas(16) float b[2][STEP][COLUMNS + 4];

    unsigned across = (product.columns + COLUMNS - 1) / COLUMNS;
    unsigned top = block / across * TILE, left = block % across * COLUMNS;
    // a group of blocks may have fewer rows than another
    if (top >= product.rows) return;
    for (unsigned i = threadIdx.x; i < TILE; i += THREADS) {
        Place place = {0, OUTSIDE, 0};
        if (top + i < product.rows) place = product.row(top + i);
        places[i] = place;
    }
    // neighbours in a warp read what lies side by side: numbers of the depth, or else rows
    unsigned along = threadIdx.x % STEP, apart = threadIdx.x / STEP;
    unsigned beside = threadIdx.x % LANES, below = threadIdx.x / LANES;
    unsigned a_depth = Product::A_BY_DEPTH ? along : below, a_lane = Product::A_BY_DEPTH ? apart : beside;
    unsigned b_depth = Product::B_BY_DEPTH ? along : below, b_lane = Product::B_BY_DEPTH ? apart : beside;
    Depth at_a = product.count.depth(product.begin + a_depth);
    Depth at_b = product.count.depth(product.begin + b_depth);
    float next_a[LOADS], next_b[FACTORS];

    auto fetch = [&] {
        Place depth = product.depth(at_a);
        bool within = at_a.k < product.end;
#pragma unroll
        for (unsigned i = 0; i < LOADS; ++i) {
            Place row = places[a_lane + LANES * i];
            bool seen = within && row.y + depth.y < product.height && row.x + depth.x < product.width;
            next_a[i] = seen ? (float)product.source[row.at + depth.at] : 0.0f;
        }
        unsigned first = product.factor_at(at_b);
        within = at_b.k < product.end;
#pragma unroll
        for (unsigned i = 0; i < FACTORS; ++i) {
            unsigned column = left + b_lane + LANES * i;
            bool there = within && column < product.columns;
            next_b[i] = there ? (float)product.factor[first + column * product.apart] : 0.0f;
        }
        product.count.advance(at_a);
        product.count.advance(at_b);
    };
    auto keep = [&](unsigned side) {
#pragma unroll
        for (unsigned i = 0; i < LOADS; ++i) a[side][a_depth][a_lane + LANES * i] = next_a[i];
#pragma unroll
        for (unsigned i = 0; i < FACTORS; ++i) b[side][b_depth][b_lane + LANES * i] = next_b[i];
    };

    // a thread's rows lie in runs of four, half a tile apart, and its columns in one
    unsigned column = 4 * (threadIdx.x % (COLUMNS / 4)), row = 4 * (threadIdx.x / (COLUMNS / 4));
    constexpr unsigned RUN = 4 * TILE / TALL;
    float sums[TALL][4] = {}, total = 0.0f;
    unsigned steps = (product.end - product.begin + STEP - 1) / STEP;
    auto multiply = [&](unsigned side) {
#pragma unroll 4
        for (unsigned k = 0; k < STEP; ++k) {
            Four<float> one = *(const Four<float>*)&b[side][k][column];
#pragma unroll
            for (unsigned run = 0; run < TALL / 4; ++run) {
                Four<float> other = *(const Four<float>*)&a[side][k][row + RUN * run];
#pragma unroll
                for (unsigned i = 0; i < 4; ++i)
#pragma unroll
                    for (unsigned j = 0; j < 4; ++j)
                        sums[4 * run + i][j] = fmaf(other.each[i], one.each[j], sums[4 * run + i][j]);
            }
        }
        if (Product::SUMS_FACTORS && top == 0 && threadIdx.x < COLUMNS)
            for (unsigned k = 0; k < STEP; ++k) total += b[side][k][threadIdx.x];
    };
    __syncthreads();
    // while one step is read from memory, that before it is multiplied
#pragma unroll 1
    for (unsigned step = 0; step <= steps; ++step) {
        unsigned side = step % 2;
        if (step < steps) fetch();
        if (step > 0) multiply(1 - side);
        if (step < steps) keep(side);
        __syncthreads();
    }
#pragma unroll
    for (unsigned run = 0; run < TALL / 4; ++run)
        if (left + column < product.columns)
            product.write(top + row + RUN * run, left + column, &sums[4 * run]);
    if (Product::SUMS_FACTORS && top == 0 && threadIdx.x < COLUMNS && left + threadIdx.x < product.columns)
        product.write_total(left + threadIdx.x, total);
}

struct Outputs {
    static constexpr bool A_BY_DEPTH = true, B_BY_DEPTH = true, SUMS_FACTORS = false;
    const Real* source;
    const float *factor, *bias;
    Real* y;
    Window w;
    Count count;
    unsigned begin, end, rows, columns, height, width, apart, channels, relu;

    __device__ Place row(unsigned window) const {
        unsigned oy = window / w.columns;
        return corner(w, oy / w.rows, oy % w.rows, window % w.columns);
    }

    __device__ Place depth(const Depth& d) const { return tap(w, d.digits[2], d.digits[1], d.digits[0]); }

    __device__ unsigned factor_at(const Depth& d) const { return d.k; }

    __device__ void write(unsigned row, unsigned column, const float (*sums)[4]) const {
        float more[4];
        for (unsigned j = 0; j < 4; ++j) more[j] = bias && column + j < columns ? bias[column + j] : 0.0f;
        for (unsigned i = 0; i < 4 && row + i < rows; ++i) {
            float numbers[4];
            for (unsigned j = 0; j < 4; ++j) numbers[j] = rectified(sums[i][j] + more[j], relu);
            put(y + (size_t)(row + i) * channels + column, numbers, columns - column);
        }
    }

    __device__ void write_total(unsigned, float) const {}
};

// y = x ∗ W + b, rectified where a rectifier follows.
template <unsigned COLUMNS, unsigned TALL>
static __device__ void conv_forward(Real* y, const Real* x, const float* weights, const float* bias,
                                    const Window& w, const Channels& channels, unsigned examples,
                                    unsigned relu) {
    unsigned inp = channels.inp, out = channels.out, group = blockIdx.y;
    unsigned depth = w.kernel[0] * w.kernel[1] * inp, rows = examples * w.rows * w.columns;
    Outputs product = {x + group * inp, weights + (size_t)group * out * depth, bias ? bias + group * out : bias,
                       y + group * out, w, {inp, w.kernel[1]}, 0, depth, rows, out, w.height, w.width, depth,
                       channels.groups * out, relu};
    tile<COLUMNS, TALL>(product, blockIdx.x);
}

KERNEL conv_forward_wide(Real* y, const Real* x, const float* weights, const float* bias, Window w,
                         unsigned inp, unsigned out, unsigned groups, unsigned examples, unsigned relu) {
    conv_forward<64, 8>(y, x, weights, bias, w, {inp, out, groups}, examples, relu);
}

KERNEL conv_forward_narrow(Real* y, const Real* x, const float* weights, const float* bias, Window w,
                           unsigned inp, unsigned out, unsigned groups, unsigned examples, unsigned relu) {
    conv_forward<16, 4>(y, x, weights, bias, w, {inp, out, groups}, examples, relu);
}

// Every stride-th pixel sees the same taps of a kernel, every stride-th of them. These pixels are a picture by
// themselves, and these taps a kernel of stride 1.
struct Inputs {
    static constexpr bool A_BY_DEPTH = true, B_BY_DEPTH = false, SUMS_FACTORS = false;
    const Real* source;
    const float* factor;
    Real* dx;
    Window w;
    Channels groups;
    unsigned fresh;
    Count count;
    // the first pixel and the first tap, the window that sees both, and the size of the picture of pixels
    unsigned pixel[2], first[2], window[2], picture[2];
    unsigned begin, end, rows, columns, height, width, apart;

    __device__ Place row(unsigned pixel) const {
        unsigned y = pixel / picture[1];
        unsigned oy = window[0] + y % picture[0], ox = window[1] + pixel % picture[1];
        return {((y / picture[0] * w.rows + oy) * w.columns + ox) * groups.groups * groups.out, oy, ox};
    }

    __device__ Place depth(const Depth& d) const {
        // the later the tap, the earlier the window: these wrap around, and back in the sum
        unsigned oy = 0 - d.digits[2], ox = 0 - d.digits[1];
        return {(oy * w.columns + ox) * groups.groups * groups.out + d.digits[0], oy, ox};
    }

    __device__ unsigned factor_at(const Depth& d) const {
        unsigned ky = first[0] + w.stride[0] * d.digits[2], kx = first[1] + w.stride[1] * d.digits[1];
        return ((d.digits[0] * w.kernel[0] + ky) * w.kernel[1] + kx) * groups.inp;
    }

    __device__ void write(unsigned row, unsigned column, const float (*sums)[4]) const {
        for (unsigned i = 0; i < 4 && row + i < rows; ++i) {
            unsigned y = (row + i) / picture[1];
            unsigned iy = pixel[0] + w.stride[0] * (y % picture[0]);
            unsigned ix = pixel[1] + w.stride[1] * ((row + i) % picture[1]);
            Real* to = dx + ((size_t)(y / picture[0] * w.height + iy) * w.width + ix) * w.channels + column;
            float numbers[4];
            for (unsigned j = 0; j < 4; ++j)
                numbers[j] = sums[i][j] + (column + j < columns ? before(to + j, fresh) : 0.0f);
            put(to, numbers, columns - column);
        }
    }

    __device__ void write_total(unsigned, float) const {}
};

// dx = the sum of dy W over the windows that see a pixel.
template <unsigned COLUMNS, unsigned TALL>
static __device__ void conv_input(Real* dx, const Real* dy, const float* weights, const Window& w,
                                  const Channels& channels, unsigned examples, unsigned fresh) {
    unsigned inp = channels.inp, out = channels.out;
    unsigned phase = blockIdx.y % (w.stride[0] * w.stride[1]), group = blockIdx.y / (w.stride[0] * w.stride[1]);
    unsigned pixel[2] = {phase / w.stride[1], phase % w.stride[1]}, size[2] = {w.height, w.width};
    unsigned first[2], taps[2], window[2], picture[2];
    for (int i = 0; i < 2; ++i) {
        first[i] = (pixel[i] + w.padding[i]) % w.stride[i];
        window[i] = (pixel[i] + w.padding[i]) / w.stride[i];
        taps[i] = w.kernel[i] > first[i] ? (w.kernel[i] - first[i] + w.stride[i] - 1) / w.stride[i] : 0;
        picture[i] = size[i] > pixel[i] ? (size[i] - pixel[i] + w.stride[i] - 1) / w.stride[i] : 0;
    }
    // no tap may see these pixels: a sum of nothing
    unsigned end = out * taps[0] * taps[1], middle = taps[1] > 0 ? taps[1] : 1;
    Inputs product = {dy + group * out, weights + (size_t)group * out * w.kernel[0] * w.kernel[1] * inp,
                      dx + group * inp, w, channels, fresh, {out, middle}, {pixel[0], pixel[1]},
                      {first[0], first[1]}, {window[0], window[1]}, {picture[0], picture[1]}, 0, end,
                      examples * picture[0] * picture[1], inp, w.rows, w.columns, 1};
    tile<COLUMNS, TALL>(product, blockIdx.x);
}

KERNEL conv_input_wide(Real* dx, const Real* dy, const float* weights, Window w, unsigned inp,
                       unsigned out, unsigned groups, unsigned examples, unsigned fresh) {
    conv_input<64, 8>(dx, dy, weights, w, {inp, out, groups}, examples, fresh);
}

KERNEL conv_input_narrow(Real* dx, const Real* dy, const float* weights, Window w, unsigned inp,
                         unsigned out, unsigned groups, unsigned examples, unsigned fresh) {
    conv_input<16, 4>(dx, dy, weights, w, {inp, out, groups}, examples, fresh);
}

struct Weights {
    static constexpr bool A_BY_DEPTH = false, B_BY_DEPTH = false, SUMS_FACTORS = true;
    const Real *source, *factor;
    float *dw, *db;
    Window w;
    unsigned inp, channels;
    Count count;
    unsigned begin, end, rows, columns, height, width, apart;

    __device__ Place row(unsigned number) const {
        unsigned at = number / inp;
        return tap(w, at / w.kernel[1], at % w.kernel[1], number % inp);
    }

    __device__ Place depth(const Depth& d) const { return corner(w, d.digits[2], d.digits[1], d.digits[0]); }

    __device__ unsigned factor_at(const Depth& d) const { return d.k * channels; }

    __device__ void write(unsigned row, unsigned column, const float (*sums)[4]) const {
        if (row >= rows) return;
        for (unsigned j = 0; j < 4 && column + j < columns; ++j) {
            float numbers[4];
            for (unsigned i = 0; i < 4; ++i) numbers[i] = sums[i][j];
            put(dw + (size_t)(column + j) * rows + row, numbers, rows - row);
        }
    }

    __device__ void write_total(unsigned column, float total) const {
        if (db) db[column] = total;
    }
};

// A slice of the sum over all windows: dW = dyᵀ (what they see), and db = the sum of dy, one after the other as
// the weights lie. Slices are `weights` numbers apart.
template <unsigned COLUMNS, unsigned TALL>
static __device__ void conv_weights(float* dw, const Real* dy, const Real* x, const Window& w,
                                    const Channels& channels, unsigned windows, unsigned slice,
                                    unsigned weights) {
    unsigned inp = channels.inp, out = channels.out, depth = w.kernel[0] * w.kernel[1] * inp;
    unsigned group = blockIdx.y % channels.groups, number = blockIdx.y / channels.groups;
    // the last slice may be shorter, or empty
    unsigned begin = number * slice < windows ? number * slice : windows;
    unsigned end = begin + slice < windows ? begin + slice : windows;
    float* to = dw + (size_t)number * weights;
    unsigned behind = channels.groups * out * depth;
    Weights product = {x + group * inp, dy + group * out, to + (size_t)group * out * depth,
                       weights > behind ? to + behind + group * out : nullptr, w, inp, channels.groups * out,
                       {w.columns, w.rows}, begin, end, depth, out, w.height, w.width, 1};
    tile<COLUMNS, TALL>(product, blockIdx.x);
}

KERNEL conv_weights_wide(float* dw, const Real* dy, const Real* x, Window w, unsigned inp,
                         unsigned out, unsigned groups, unsigned windows, unsigned slice, unsigned weights) {
    conv_weights<64, 8>(dw, dy, x, w, {inp, out, groups}, windows, slice, weights);
}

KERNEL conv_weights_narrow(float* dw, const Real* dy, const Real* x, Window w, unsigned inp,
                           unsigned out, unsigned groups, unsigned windows, unsigned slice, unsigned weights) {
    conv_weights<16, 4>(dw, dy, x, w, {inp, out, groups}, windows, slice, weights);
}

#endif
