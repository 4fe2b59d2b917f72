//! The names of layers as PyTorch has them: `layer2.*.conv1` is `layer2.0.conv1` where it stands for
//! the first time, then `layer2.1.conv1`.

use crate::graph::Node;
use core::fmt;

/// Shows the name of a layer with the number of its block in place of the `*`; nothing, if it has
/// no name.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    nodes: &'a [Node],
    number: usize,
}

/// The name of layer `number` as PyTorch has it.
///
/// ```
/// use idinit::{graph::Graph, model, shape::Shape};
/// let net = model::CifarResNet::DEPTH_20;
/// let graph = model::cifar_resnet(Graph::<80>::input(Shape::hwc(32, 32, 3)), net);
/// assert_eq!(model::key(graph.nodes(), 10).to_string(), "layer1.1.conv1");
/// ```
pub const fn key(nodes: &[Node], number: usize) -> Key<'_> {
    Key { nodes, number }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((before, [node, ..])) = self.nodes.split_at_checked(self.number) else {
            return Ok(());
        };
        match node.name.split_once('*') {
            None => f.write_str(node.name),
            Some((front, back)) => {
                let block = before.iter().filter(|other| other.name == node.name).count();
                write!(f, "{front}{block}{back}")
            }
        }
    }
}
