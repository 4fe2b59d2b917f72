//! A plan for people: one line for each layer, then the totals in bytes.

use super::Net;
use crate::graph::Node;
use crate::shape::Shape;
use core::fmt;

/// Shows a planned network as a table.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a>(pub Net<'a>);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let net = self.0;
        writeln!(
            f,
            "{:>4}  {:<20} {:>12} {:>9}  {:>17}  {:>17}  {:>17}",
            "", "layer", "output", "weights", "value", "gradient", "saved"
        )?;
        for (k, (node, slot)) in net.nodes.iter().zip(net.slots).enumerate() {
            let Node { layer, output, name, .. } = node;
            let name = if name.is_empty() { layer.kind().name() } else { name };
            write!(f, "{k:>4}  {name:<20} {:>12}", Padded(output))?;
            write!(f, " {:>8}{}", slot.weights.len, if slot.trained.any() { '*' } else { ' ' })?;
            for span in [slot.y, slot.dy, slot.saved] {
                match span.len {
                    0 => write!(f, "  {:>17}", "–")?,
                    _ => write!(f, "  {:>8}..{:<7}", span.start, span.end())?,
                }
            }
            writeln!(f)?;
        }
        writeln!(
            f,
            "batch {}; value, gradient and saved are places in the arena, in numbers of 4 bytes; \
             * is trained",
            net.batch
        )?;
        for (name, numbers) in
            [("weights", net.weights), ("state", net.state), ("arena", net.arena)]
        {
            writeln!(f, "{name:<8} {:>12} bytes", 4 * numbers as u64)?;
        }
        let total = (net.weights as u64 + net.state as u64 + net.arena as u64) * 4;
        write!(f, "{:<8} {total:>12} bytes", "total")
    }
}

/// A shape that honours the width of its column.
struct Padded<'a>(&'a Shape);

impl fmt::Display for Padded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { height, width, channels } = self.0;
        let digits = |n: u32| n.checked_ilog10().unwrap_or(0) as usize + 1;
        let used = digits(*height) + digits(*width) + digits(*channels) + 2;
        for _ in used..f.width().unwrap_or(0) {
            f.write_str(" ")?;
        }
        self.0.fmt(f)
    }
}
