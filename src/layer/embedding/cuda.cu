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

// A block for each place of a token. The first place of a token sums the gradients of all its places, in
// their order; the gradient of the table is 0 elsewhere, as it was filled before.
KERNEL embedding_backward(float* gradient, const float* tokens, const Real* dy, unsigned count,
                          unsigned width, unsigned padding, unsigned places) {
    unsigned place = blockIdx.x;
    float token = tokens[place];
    unsigned row = (unsigned)token;
    bool known = row < count && (float)row == token && !(padding && row == 0);
    bool earlier = false;
    for (unsigned i = threadIdx.x; known && i < place; i += blockDim.x) earlier |= tokens[i] == token;
    if (__syncthreads_or(earlier) || !known) return;
    for (unsigned c = threadIdx.x; c < width; c += blockDim.x) {
        float sum = 0.0f;
        for (unsigned i = place; i < places; ++i)
            if (tokens[i] == token) sum += dy[(size_t)i * width + c];
        gradient[(size_t)row * width + c] = sum;
    }
}
