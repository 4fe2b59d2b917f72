// What is only added, or multiplied, number by number.

KERNEL add_forward(Real* y, const Real* x, const Real* second, unsigned relu, unsigned n) {
    EACH(i, n) y[i] = rectified(x[i] + second[i], relu);
}

// The gradient of a sum that a rectifier follows, whose output is `mask`: in its place, and to the second operand,
// where anyone wants it.
KERNEL add_backward(Real* dy, Real* second, const Real* mask, unsigned fresh, unsigned n) {
    EACH(i, n) {
        float slope = mask[i] > 0.0f ? dy[i] : 0.0f;
        dy[i] = slope;
        if (second) second[i] = before(second + i, fresh) + slope;
    }
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
