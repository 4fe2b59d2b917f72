//! Twins: units of a layer that are bit for bit alike, as an identity that repeats its input makes
//! them. Their gradients are alike too, so that no step parts them.

use std::collections::HashMap;
use std::vec::Vec;

/// How many pairs of units are alike: rows of `inputs`, `[units, inp]`, and columns of `outputs`,
/// `[out, units]`, both to the bit. Units of a layer without anything behind it: no `outputs`.
pub fn twins(units: usize, inputs: &[f32], outputs: &[f32]) -> usize {
    let each = inputs.len().checked_div(units).unwrap_or(0);
    let mut alike: HashMap<Vec<u32>, usize> = HashMap::new();
    for unit in 0..units {
        let row = inputs.iter().skip(unit * each).take(each);
        let column = outputs.iter().skip(unit).step_by(units.max(1));
        *alike.entry(row.chain(column).map(|w| w.to_bits()).collect()).or_default() += 1;
    }
    alike.values().map(|count| count * (count - 1) / 2).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_count() {
        let inputs = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0];
        assert_eq!(twins(4, &inputs, &[]), 3);
        assert_eq!(twins(4, &inputs, &[1.0, 2.0, 1.0, 3.0]), 1);
        assert_eq!(twins(4, &inputs, &[1.0, 2.0, 1.0, 3.0, 4.0, 5.0, 6.0, 7.0]), 0);
        assert_eq!(twins(0, &[], &[]), 0);
    }
}
