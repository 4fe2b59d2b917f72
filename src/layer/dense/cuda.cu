// What linear layers do to their outputs along with their bias: one pass instead of two.

// y becomes the outputs, x those before the GELU that follows; in inference they lie in one place.
KERNEL bias_gelu(Real* y, Real* x, const float* bias, unsigned columns, unsigned n) {
    EACH(i, n) {
        float sum = x[i] + bias[i % columns];
        x[i] = sum;
        y[i] = gelu(sum);
    }
}

// The sum that follows, and the rectifier behind it.
KERNEL bias_sum(Real* y, const float* bias, const Real* second, unsigned columns, unsigned relu, unsigned n) {
    EACH(i, n) y[i] = rectified(y[i] + bias[i % columns] + second[i], relu);
}

static __device__ float before_gelu(Real* dy, const Real* x) {
    *dy = *dy * gelu_slope(*x);
    return *dy;
}

// The gradient behind a GELU becomes that before it, whose columns are summed for the gradient of the bias.
KERNEL gelu_backward_bias(float* partial, Real* dy, const Real* x, unsigned rows, unsigned columns) {
    COLUMN_SUMS(partial, rows, columns,
                before_gelu(dy + (size_t)row * columns + column, x + (size_t)row * columns + column));
}
