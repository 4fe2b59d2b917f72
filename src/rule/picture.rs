//! A weight matrix as a picture: `#` above zero, `-` below, `.` zero; a line per output.

extern crate std;

use super::{Dims, Start};
use std::{string::String, vec::Vec};

/// A line per output, its columns as stored, `[kh][kw][in]`: `#` positive, `-` negative, `.` zero.
pub fn picture(rule: impl Start, d: Dims) -> Vec<String> {
    let mark = |i| match rule.at(d, i) {
        value if value > 0.0 => '#',
        value if value < 0.0 => '-',
        _ => '.',
    };
    let row = |o| (o * d.row()..(o + 1) * d.row()).map(mark).collect();
    (0..d.out() as usize).map(row).collect()
}
