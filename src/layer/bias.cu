// What is only added, or multiplied, number by number.

KERNEL add_forward(float* y, const float* x, const float* second, unsigned relu, unsigned n) {
    EACH(i, n) y[i] = rectified(x[i] + second[i], relu);
}

// A row of numbers added to every row: the bias of a channel, the row of a position.
KERNEL row_added(float* y, const float* x, const float* row, unsigned columns, unsigned relu, unsigned n) {
    EACH(i, n) y[i] = rectified(x[i] + row[i % columns], relu);
}

KERNEL scalar_added(float* y, const float* x, const float* b, unsigned n) {
    EACH(i, n) y[i] = x[i] + *b;
}

KERNEL scaled(float* y, const float* x, const float* factor, unsigned n) {
    EACH(i, n) y[i] = x[i] * *factor;
}
