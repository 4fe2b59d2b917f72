//! Low-rank adapters (LoRA, Hu et al. 2022): a layer that stays as it is, and beside it two small ones that
//! are trained.

use super::{Graph, GraphError, Node, Role, Value};
use crate::layer::{Add, Conv2d, Dense, Layer};

impl Node {
    /// Whether the layer is one of the two of an adapter.
    pub const fn is_adapter(&self) -> bool {
        matches!(self.role, Role::AdapterDown | Role::AdapterUp)
    }

    /// The two layers that adapt this one by `rank` numbers: down, with the kernel of the layer itself, and up.
    const fn adapters(&self, rank: u32) -> Option<[Layer; 2]> {
        match self.layer {
            Layer::Dense(layer) => Some([
                Layer::Dense(Dense { out: rank, bias: false }),
                Layer::Dense(Dense { out: layer.out, bias: false }),
            ]),
            Layer::Conv2d(layer) if layer.groups == 1 => Some([
                Layer::Conv2d(Conv2d { out: rank, bias: false, ..layer }),
                Layer::Conv2d(Conv2d { bias: false, ..Conv2d::same(layer.out, 1) }),
            ]),
            _ => None,
        }
    }
}

impl<const N: usize> Graph<N> {
    /// The same network with an adapter of this rank on each layer of one of these names, y = W x + b + U D x: D has
    /// `rank` outputs (of a convolution, with its kernel), U as many as the layer. Each takes three layers more of
    /// the room `M`. All others start as they do without adapters; D starts as IDI, whatever the scheme, and U as
    /// IDIZ, so that the network starts as it was but for 10⁻⁶ of differences between neighbours, from 0 bytes of
    /// weights. (The paper of LoRA draws D and starts U at zero.)
    ///
    /// A plan trains the adapters alone by [`Mode::adapters`](crate::plan::Mode::adapters);
    /// [`merge_adapters`](crate::engine::merge_adapters) adds them to the weights that they adapt.
    ///
    /// ```
    /// use idinit::{graph::{Graph, Role}, plan::{Mode, Plan}, shape::Shape, update::Sgd};
    ///
    /// const NET: Graph<3> = Graph::input(Shape::vector(64))
    ///     .dense(128).name("hidden").relu().dense(10).role(Role::Head).cross_entropy(0.0);
    /// const ADAPTED: Graph<6> = NET.adapted(4, &["hidden"]);
    /// static PLAN: Plan<6> = Plan::new(&ADAPTED, Mode::train::<Sgd>().adapters(), 1);
    /// assert_eq!(PLAN.net().trained(), 4 * 64 + 128 * 4);
    /// ```
    ///
    /// # Panics
    /// Where a name is no layer's, or one of them is neither fully connected nor a convolution of one
    /// group; a draft remembers that instead.
    #[track_caller]
    pub const fn adapted<const M: usize>(&self, rank: u32, names: &[&str]) -> Graph<M> {
        let mut graph = Graph::<M>::begin(self.input, self.strict);
        (graph.loss, graph.error) = (self.loss, self.error);
        let mut places = [Value::INPUT; N];
        let mut k = 0;
        while k < self.len {
            let node = &self.nodes[k];
            let from = moved(node.from, &places);
            graph = graph.at(from).push(
                node.layer,
                match node.second {
                    Some(second) => Some(moved(second, &places)),
                    None => None,
                },
            );
            graph = graph.role(node.role).name(node.name);
            if contains(names, node.name) {
                let Some([down, up]) = node.adapters(rank) else {
                    return graph.wrong(GraphError::Adapter { node: k });
                };
                let layer = graph.here;
                graph = graph.at(from).then(down).role(Role::AdapterDown);
                graph = graph.then(up).role(Role::AdapterUp).push(Layer::Add(Add), Some(layer));
            }
            if graph.error.is_some() {
                return graph;
            }
            places[k] = graph.here;
            k += 1;
        }
        let mut name = 0;
        while name < names.len() {
            if !self.has(names[name]) {
                return graph.wrong(GraphError::Adapter { node: self.len });
            }
            name += 1;
        }
        if names.is_empty() {
            return graph.wrong(GraphError::Adapter { node: self.len });
        }
        graph.at(moved(self.here, &places))
    }
}

impl<const N: usize> Graph<N> {
    /// Whether a layer has this name, which is not empty.
    const fn has(&self, name: &str) -> bool {
        let mut k = 0;
        while k < self.len {
            if contains(&[name], self.nodes[k].name) {
                return true;
            }
            k += 1;
        }
        false
    }
}

/// Where a value lies in the graph with adapters.
const fn moved(value: Value, places: &[Value]) -> Value {
    match value.node() {
        Some(node) => places[node],
        None => Value::INPUT,
    }
}

/// Whether one of the names is this one, which is not empty.
const fn contains(names: &[&str], name: &str) -> bool {
    let mut i = 0;
    while i < names.len() {
        if !name.is_empty() && same(names[i], name) {
            return true;
        }
        i += 1;
    }
    false
}

/// Whether two strings are the same; `==` is not yet available to a `const fn`.
pub(crate) const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Shape;

    fn net() -> Graph<8> {
        let g = Graph::draft(Shape::hwc(4, 4, 2)).conv2d(4, 3).name("stem").relu();
        let skip = g.here();
        let g = g.conv2d(4, 3).role(Role::BranchEnd).name("end").add(skip).relu();
        g.global_average_pool().dense(3).name("head").role(Role::Head).cross_entropy(0.0)
    }

    #[test]
    fn an_adapter_takes_what_its_layer_takes_and_is_added_to_what_it_puts_out() {
        let adapted: Graph<14> = net().adapted(2, &["end", "head"]);
        let adapted = adapted.finish().unwrap();
        let nodes = adapted.nodes();
        assert_eq!(nodes.len(), 7 + 6);
        let [end, down, up, sum] = [2, 3, 4, 5].map(|k| &nodes[k]);
        assert_eq!((end.from, end.role, end.name), (down.from, Role::BranchEnd, "end"));
        assert_eq!([down.role, up.role], [Role::AdapterDown, Role::AdapterUp]);
        assert_eq!((down.output, up.output), (Shape::hwc(4, 4, 2), end.output));
        assert_eq!((up.from, sum.from, sum.second), (Value(4), Value(5), Some(Value(3))));
        // the sum of the residual block takes the adapted value, and the stem's as before
        assert_eq!((nodes[6].from, nodes[6].second), (Value(6), Some(Value(2))));
        assert_eq!((adapted.output(), adapted.loss()), (net().output(), net().loss()));
    }

    #[test]
    fn what_cannot_be_adapted_says_so() {
        let error = |names: &[&str]| net().adapted::<20>(2, names).finish().unwrap_err();
        assert_eq!(error(&["nobody"]), GraphError::Adapter { node: 7 });
        assert_eq!(error(&[""]), GraphError::Adapter { node: 7 });
        assert_eq!(error(&[]), GraphError::Adapter { node: 7 });
        assert_eq!(error(&["head", "haed"]), GraphError::Adapter { node: 7 });
        let relu = Graph::<2>::draft(Shape::vector(3)).relu().name("a");
        let error = relu.adapted::<5>(2, &["a"]).finish().unwrap_err();
        assert_eq!(error, GraphError::Adapter { node: 0 });
        assert!(matches!(net().adapted::<9>(2, &["end"]).finish(), Err(GraphError::Full { .. })));
        let none = net().adapted::<20>(0, &["end"]).finish();
        assert!(matches!(none, Err(GraphError::Layer { node: 3, .. })));
    }
}
