//! Writes the start of a weight through a buffer of one row, as a device does that writes flash page
//! by page: `cargo run --example stream_a_start`.

use idinit::rule::{Dims, EPS, Exact, Order, Start};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // a 3 × 3 convolution from 16 to 32 channels that ends a residual branch: 4,608 weights
    let dims = Dims::new(32, 16, [3, 3], 1)?;
    let rule = Exact::ZeroPreserving { eps: EPS, order: Order::SpatialMajor };

    let mut row = [0.0_f32; 16 * 9];
    for output in 0..dims.out() {
        rule.fill_rows(dims, output, &mut row)?;
        let written = row.iter().enumerate().filter(|(_, w)| **w != 0.0);
        let words: Vec<_> = written.map(|(column, w)| format!("{w:+e} at {column}")).collect();
        println!("output {output:>2}: {}", words.join(", "));
    }
    // or any weight alone, without the others
    println!("weight 1234: {}", rule.at(dims, 1234));
    Ok(())
}
