// Numbers dropped by the lots of the host: eight numbers for each block of Philox.

// `lots` is the seed and the number of the step, in words of 32 bits, the lower first.
KERNEL dropout(Real* y, const Real* x, const unsigned* lots, unsigned stream, unsigned lost, float scale,
               unsigned n) {
    EACH(block, (n + 7) / 8) {
        uint4 words = philox(make_uint4(block, lots[2], lots[3], stream), make_uint2(lots[0], lots[1]));
        unsigned drawn[4] = {words.x, words.y, words.z, words.w};
        for (unsigned i = 0; i < 8 && 8 * block + i < n; ++i) {
            unsigned lot = i % 2 ? drawn[i / 2] >> 16 : drawn[i / 2] & 0xffff;
            // a product, so that NaN stays NaN
            y[8 * block + i] = x[8 * block + i] * (lot < lost ? 0.0f : scale);
        }
    }
}
