//! The initial weights of a network that are stored nowhere: any window of them, when it is asked
//! for.

use super::{Facts, Scheme, Site};
use crate::graph::Node;
use crate::layer::{All, Part, Uses};
use crate::rule::{Fill, LengthError, Rule};
use core::marker::PhantomData;

/// One weight of a network, and where it lies among all.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// The number of its layer.
    pub number: usize,
    /// Its layer.
    pub node: &'a Node,
    /// What it is.
    pub part: Part,
    /// The number of the weight in its layer.
    pub part_number: usize,
    /// How many numbers lie before it: an engine's weights are those of all layers, one part after
    /// the other.
    pub start: usize,
}

/// The weights of a list of layers, in the order in which they lie in memory.
pub fn tensors(nodes: &[Node]) -> impl Iterator<Item = Tensor<'_>> {
    Tensors::<All>::new(nodes)
}

pub(super) struct Tensors<'a, L> {
    nodes: &'a [Node],
    number: usize,
    part_number: usize,
    start: usize,
    links: PhantomData<L>,
}

impl<'a, L> Tensors<'a, L> {
    #[inline(always)]
    pub(super) const fn new(nodes: &'a [Node]) -> Self {
        Self { nodes, number: 0, part_number: 0, start: 0, links: PhantomData }
    }
}

impl<'a, L: Uses> Iterator for Tensors<'a, L> {
    type Item = Tensor<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Tensor<'a>> {
        loop {
            let (number, part_number, start) = (self.number, self.part_number, self.start);
            let node = self.nodes.get(number)?;
            match node.layer.linked_part::<L>(node.input, part_number) {
                Some(part) => {
                    self.part_number += 1;
                    self.start += part.dims.len();
                    return Some(Tensor { number, node, part, part_number, start });
                }
                None => (self.number, self.part_number) = (number + 1, 0),
            }
        }
    }
}

/// The initial weights of a network, none of which is stored.
///
/// What writes flash page by page takes them from here, and what reads a weight only when it needs it.
/// `L` are the layers that the binary links.
///
/// ```
/// use idinit::init::{IdInit, Initial};
/// use idinit::{graph::Graph, shape::Shape};
///
/// const NET: Graph<2> = Graph::input(Shape::vector(2)).dense(2).relu();
/// let initial: Initial<'_, _> = Initial::new(NET.nodes(), IdInit::PAPER);
/// let mut page = [0.0; 4];
/// initial.fill_window(2, &mut page)?; // the second row of the matrix, then both biases
/// assert_eq!(page, [0.0, core::f32::consts::SQRT_2, 0.0, 0.0]);
/// # Ok::<(), idinit::rule::LengthError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Initial<'a, S, L = All> {
    nodes: &'a [Node],
    facts: Facts,
    scheme: S,
    links: PhantomData<L>,
}

impl<'a, S: Scheme, L: Uses> Initial<'a, S, L> {
    /// The initial weights of these layers under a scheme.
    #[inline(always)]
    pub fn new(nodes: &'a [Node], scheme: S) -> Self {
        Self { nodes, facts: Facts::linked::<L>(nodes), scheme, links: PhantomData }
    }

    /// The weights, in the order in which they lie in memory.
    #[inline(always)]
    pub fn tensors(&self) -> impl Iterator<Item = Tensor<'a>> + use<'a, S, L> {
        Tensors::<L>::new(self.nodes)
    }

    /// Numbers of all weights together.
    #[expect(clippy::len_without_is_empty, reason = "a network has weights")]
    pub fn len(&self) -> usize {
        self.tensors().last().map_or(0, |last| last.start + last.part.dims.len())
    }

    /// Whatever writes a weight, beside the weight itself.
    fn site<'b>(&'b self, tensor: &Tensor<'b>) -> Site<'b> {
        let Tensor { number, node, part, part_number, .. } = *tensor;
        Site { facts: &self.facts, nodes: self.nodes, number, node, part, part_number }
    }

    /// The rule of a weight, where it is one of the crate's and a function of the index.
    pub fn rule(&self, tensor: &Tensor<'_>) -> Option<Rule> {
        let site = self.site(tensor);
        if let Some(rule) = site.adapter() {
            return Some(rule.into());
        }
        match site.is_table() {
            true => Some(self.scheme.table(&site)),
            false => self.scheme.start(&site).rule(),
        }
    }

    /// Writes the window of one weight that begins at its index `start`.
    ///
    /// # Errors
    /// A [`LengthError`] where the window does not end within the weight, and for a part of a weight
    /// that can only be written whole.
    #[inline(always)]
    pub fn fill(
        &self,
        tensor: &Tensor<'_>,
        start: usize,
        w: &mut [f32],
    ) -> Result<(), LengthError> {
        use crate::rule::Start;
        let site = self.site(tensor);
        if const { L::SET.has_adapters() }
            && let Some(rule) = site.adapter()
        {
            return rule.fill_from(site.part.dims, start, w);
        }
        match site.is_table() {
            true if const { L::SET.has_tables() } => {
                self.scheme.table(&site).fill_from(site.part.dims, start, w)
            }
            _ => self.scheme.fill_window(&site, start, w),
        }
    }

    /// Writes the window of all weights that begins at index `start` of them.
    ///
    /// # Errors
    /// A [`LengthError`] where the window does not end within the weights, and for a part of a weight
    /// that can only be written whole.
    #[inline(always)]
    pub fn fill_window(&self, start: usize, w: &mut [f32]) -> Result<(), LengthError> {
        let mut done = 0;
        for tensor in self.tensors() {
            if done == w.len() {
                break;
            }
            let (len, from) =
                (tensor.part.dims.len(), start.wrapping_add(done).wrapping_sub(tensor.start));
            // a weight that lies before the window
            if from >= len {
                continue;
            }
            let end = w.len().min(done + (len - from));
            if let Some(window) = w.get_mut(done..end) {
                self.fill(&tensor, from, window)?;
            }
            done = end;
        }
        match w.len() - done {
            0 => Ok(()),
            got => Err(LengthError { need: 0, got }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{residual, weights};
    use super::super::{IdInit, Named};
    use super::*;
    use crate::graph::Graph;
    use crate::shape::Shape;

    fn windows(scheme: &str, size: usize) -> (Vec<f32>, Vec<f32>) {
        let graph = residual();
        let scheme = Named::parse(scheme, 5).unwrap();
        let initial: Initial<'_, Named> = Initial::new(graph.nodes(), scheme);
        let mut all = std::vec![f32::NAN; initial.len()];
        for (i, window) in all.chunks_mut(size).enumerate() {
            initial.fill_window(i * size, window).unwrap();
        }
        (all, weights(&graph, &scheme))
    }

    #[test]
    fn windows_of_any_size_make_the_whole() {
        for scheme in ["idinit", "idinit-loose", "kaiming", "torch", "fixup", "t-fixup"] {
            for size in [1, 7, 64, 1000, 1 << 20] {
                let (got, want) = windows(scheme, size);
                assert_eq!(got, want, "{scheme} by {size}");
            }
        }
        let (got, want) = windows("orthogonal", 1 << 20);
        assert_eq!(got, want);
    }

    #[test]
    fn a_matrix_that_is_no_function_of_the_index_has_no_windows() {
        let graph = residual();
        let scheme = Named::parse("orthogonal", 5).unwrap();
        let initial: Initial<'_, Named> = Initial::new(graph.nodes(), scheme);
        let first = initial.tensors().next().unwrap().part.dims.len();
        assert_eq!(initial.fill_window(1, &mut [0.0; 2]), Err(LengthError { need: first, got: 2 }));
        assert_eq!(initial.fill_window(0, &mut [0.0; 2]), Err(LengthError { need: first, got: 2 }));
    }

    #[test]
    fn what_lies_past_the_end_is_refused() {
        let graph = Graph::<1>::input(Shape::vector(2)).dense(2);
        let initial: Initial<'_, IdInit> = Initial::new(graph.nodes(), IdInit::PAPER);
        assert_eq!(initial.len(), 6);
        let mut w = [f32::NAN; 3];
        assert_eq!(initial.fill_window(4, &mut w), Err(LengthError { need: 0, got: 1 }));
        assert_eq!(initial.fill_window(usize::MAX, &mut w), Err(LengthError { need: 0, got: 3 }));
        assert_eq!(initial.fill_window(6, &mut []), Ok(()));
    }

    #[test]
    fn tensors_lie_as_a_plan_lays_them() {
        let graph = residual();
        let plan = crate::plan::Plan::new(&graph, crate::plan::Mode::INFER, 1);
        for tensor in tensors(graph.nodes()).filter(|tensor| tensor.part_number == 0) {
            let slot = plan.net().slots()[tensor.number].weights;
            assert_eq!(slot.start as usize, tensor.start, "layer {}", tensor.number);
        }
    }
}
