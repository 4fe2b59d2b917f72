// What ranks say to each other beside gradients: a letter to all, which is summed over all ranks. Its first number
// is the loss, and behind it each rank has a place of its own for how many examples it has.

KERNEL tell_ranks(float* letter, const float* loss, float examples, unsigned rank, unsigned ranks) {
    EACH(i, 1 + ranks) letter[i] = i == 0 ? *loss : i == 1 + rank ? examples : 0.0f;
}

// The mean loss over all ranks; NaN where they have different numbers of examples, so that no weight moves.
KERNEL hear_ranks(float* loss, const float* letter, float examples, unsigned ranks) {
    if (blockIdx.x != 0 || threadIdx.x != 0) return;
    bool alike = true;
    for (unsigned rank = 0; rank < ranks; ++rank) alike = alike && letter[1 + rank] == examples;
    *loss = alike ? letter[0] / (float)ranks : not_a_number();
}
