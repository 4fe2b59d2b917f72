//! Inference in whole numbers of 8 bits, as TensorFlow Lite defines it.
