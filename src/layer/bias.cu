// What is only added, or multiplied, number by number.

KERNEL add_forward(Real* y, const Real* x, const Real* second, unsigned relu, unsigned n) {
    EACH(i, n) y[i] = rectified(x[i] + second[i], relu);
}

// A row of numbers added to every row: the bias of a channel, the row of a position.
KERNEL row_added(Real* y, const Real* x, const float* row, unsigned columns, unsigned relu, unsigned n) {
    EACH(i, n) y[i] = rectified(x[i] + row[i % columns], relu);
}

KERNEL scalar_added(Real* y, const Real* x, const float* b, unsigned n) {
    EACH(i, n) y[i] = x[i] + *b;
}

KERNEL scaled(Real* y, const Real* x, const float* factor, unsigned n) {
    EACH(i, n) y[i] = x[i] * *factor;
}
