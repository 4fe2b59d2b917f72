// Rectifiers that keep a bit of each number, 30 to a number of the arena. Examples begin with bits of their own.

#define MASK_BITS 30

// The numbers of thread i: from which on, and how many.
static __device__ unsigned bits_of(size_t* first, unsigned len, unsigned i) {
    unsigned each = (len + MASK_BITS - 1) / MASK_BITS, at = i % each * MASK_BITS;
    *first = (size_t)(i / each) * len + at;
    return len - at < MASK_BITS ? len - at : MASK_BITS;
}

KERNEL masked_relu_forward(Real* y, float* saved, const Real* x, unsigned len, unsigned n) {
    EACH(i, n) {
        size_t first;
        unsigned count = bits_of(&first, len, i), bits = 0;
        for (unsigned bit = 0; bit < count; ++bit) {
            y[first + bit] = rectified(x[first + bit], 1);
            if ((float)y[first + bit] > 0.0f) bits |= 1u << bit;
        }
        if (saved) saved[i] = __int_as_float((int)bits);
    }
}

KERNEL masked_relu_backward(Real* dy, const float* saved, unsigned len, unsigned n) {
    EACH(i, n) {
        size_t first;
        unsigned count = bits_of(&first, len, i), bits = (unsigned)__float_as_int(saved[i]);
        for (unsigned bit = 0; bit < count; ++bit)
            if (!(bits >> bit & 1)) dy[first + bit] = 0.0f;
    }
}
