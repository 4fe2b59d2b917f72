// Rows of a table, looked up by tokens. What is no token of the table gives NaN.

KERNEL embedding_forward(Real* y, const float* tokens, const float* table, unsigned count, unsigned width,
                         unsigned padding, unsigned n) {
    EACH(i, n) {
        float token = tokens[i / width];
        unsigned row = (unsigned)token;
        if (!(row < count && (float)row == token)) y[i] = not_a_number();
        else y[i] = padding && row == 0 ? 0.0f : table[(size_t)row * width + i % width];
    }
}

// Backward sorts the places by the rows of the table that their tokens name, and in their order where these are
// one row: each row's gradients then lie in one run, which is summed in that order. Nothing looks at all places
// for each of them.

// A place that names no row, or that of padding: behind all others.
constexpr unsigned NOWHERE = 0xffffffffu;

// Places that a block sorts, and those that are summed in one go.
constexpr unsigned SORTED = 256, SUMMED = 64;

// How many of a sorted run lie before a row; and of the row itself, where it comes behind them.
static __device__ unsigned lying_before(const uint2* run, unsigned length, unsigned row, bool behind) {
    unsigned first = 0;
    while (length > 0) {
        unsigned half = length / 2, other = run[first + half].x;
        bool before = other < row || (behind && other == row);
        first = before ? first + half + 1 : first;
        length = before ? length - half - 1 : half;
    }
    return first;
}

// Where number i goes when pairs of sorted runs are merged: behind those of its own run before it, and those
// of the other.
static __device__ unsigned merged_at(const uint2* pairs, unsigned i, unsigned run, unsigned count) {
    unsigned both = i / (2 * run) * (2 * run), right = i / run % 2;
    unsigned other = right ? both : both + run;
    unsigned length = other < count ? (count - other < run ? count - other : run) : 0;
    return both + i % run + lying_before(pairs + other, length, pairs[i].x, right);
}

// Rows and places of 256 tokens, sorted.
KERNEL tokens_sorted(uint2* pairs, const float* tokens, unsigned count, unsigned padding, unsigned places) {
    __shared__ uint2 sides[2][SORTED];
    unsigned place = blockIdx.x * SORTED + threadIdx.x, side = 0;
    uint2 own = make_uint2(NOWHERE, place);
    if (place < places) {
        unsigned row = (unsigned)tokens[place];
        if (row < count && (float)row == tokens[place] && !(padding && row == 0)) own.x = row;
    }
    sides[0][threadIdx.x] = own;
    __syncthreads();
    for (unsigned run = 1; run < SORTED; run *= 2) {
        unsigned to = merged_at(sides[side], threadIdx.x, run, SORTED);
        sides[1 - side][to] = sides[side][threadIdx.x];
        side = 1 - side;
        __syncthreads();
    }
    // what is beyond the places has stayed behind them
    if (place < places) pairs[place] = sides[side][threadIdx.x];
}

// Runs twice as long.
KERNEL tokens_merged(uint2* to, const uint2* from, unsigned run, unsigned places) {
    EACH(i, places) to[merged_at(from, i, run, places)] = from[i];
}

// The gradients of rows whose places all lie within these 64; of the others the sum here, first of the row that
// goes on from before, then of the one that begins here and goes on. The gradient of the table is 0 elsewhere,
// as it was filled before.
KERNEL embedding_sums(float* gradient, float* partial, const uint2* pairs, const Real* dy, unsigned width,
                      unsigned places) {
    unsigned first = blockIdx.x * SUMMED, c = blockIdx.y * blockDim.x + threadIdx.x;
    unsigned end = first + SUMMED < places ? first + SUMMED : places;
    if (c >= width) return;
    float* open = partial + (size_t)blockIdx.x * 2 * width + c;
    bool from_before = first > 0 && pairs[first - 1].x == pairs[first].x;
    float sum = 0.0f;
    for (unsigned i = first; i < end; ++i) {
        uint2 pair = pairs[i];
        if (pair.x == NOWHERE) return;
        sum += dy[(size_t)pair.y * width + c];
        bool last = i + 1 == places || pairs[i + 1].x != pair.x;
        if (!last && i + 1 < end) continue;
        if (from_before) open[0] = sum;
        else if (!last) open[width] = sum;
        else gradient[(size_t)pair.x * width + c] = sum;
        from_before = false;
        sum = 0.0f;
    }
}

// The gradients of the other rows: a row is summed where it begins.
KERNEL embedding_joined(float* gradient, const float* partial, const uint2* pairs, unsigned width,
                        unsigned places) {
    unsigned first = blockIdx.x * SUMMED, c = blockIdx.y * blockDim.x + threadIdx.x, next = first + SUMMED;
    if (c >= width || next >= places) return;
    unsigned row = pairs[next].x;
    bool goes_on = pairs[next - 1].x == row, begun = first > 0 && pairs[first - 1].x == row;
    if (row == NOWHERE || !goes_on || begun) return;
    float sum = partial[((size_t)blockIdx.x * 2 + 1) * width + c];
    for (; next < places && pairs[next].x == row; next += SUMMED)
        sum += partial[(size_t)(next / SUMMED) * 2 * width + c];
    gradient[(size_t)row * width + c] = sum;
}
