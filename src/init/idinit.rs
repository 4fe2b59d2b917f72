//! IDInit: identities in the main path, nearly nothing at the ends of branches and at the head.

use super::{Scheme, Site};
use crate::graph::Role;
use crate::rule::{EPS, Exact, LengthError, Order, Start};
use core::f32::consts::SQRT_2;

/// IDInit (Pan et al., §3.4, last paragraph). In a plain network, every matrix and every kernel is
/// IDI or IDIC. In a residual one, the last of every branch and the head are IDIZ or IDIZC.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct IdInit {
    /// The order of a patch's columns.
    pub order: Order,
    /// ε of IDIZ; 10⁻⁶ in the paper.
    pub eps: f32,
    /// ε of IDIZ where a batch norm takes the layer's output; 10⁻⁶ in the paper. The norm undoes the
    /// scale, so that with a small ε the first updates of the layer are hundreds of times too large
    /// for it.
    pub eps_before_norm: f32,
    /// τ of the first layer of a network of rectifiers; √2 in the paper (Appendix B). Everywhere
    /// else τ is 1, also where the first layer is not in the main path, as in a Transformer (A.3).
    pub first: f32,
}

impl IdInit {
    /// The paper's constants, patches in spatial-major order.
    pub const PAPER: Self =
        Self { order: Order::SpatialMajor, eps: EPS, eps_before_norm: EPS, first: SQRT_2 };

    /// An experiment of this crate: patches in diagonal order, ε = 10⁻² before a batch norm and the
    /// paper's elsewhere.
    pub const DIAGONAL: Self =
        Self { order: Order::Diagonal, eps_before_norm: 1e-2, ..Self::PAPER };

    /// The rule of one weight: a function of the site alone.
    #[inline(always)]
    pub fn rule(&self, site: &Site<'_>) -> Exact {
        if !site.is_matrix() {
            return site.plain();
        }
        let order = self.order;
        match site.node.role {
            Role::BranchEnd | Role::Head if site.facts.is_residual() => {
                let undone = self.eps_before_norm != self.eps && site.feeds_batch_norm();
                let eps = if undone { self.eps_before_norm } else { self.eps };
                Exact::ZeroPreserving { eps, order }
            }
            Role::Main if site.facts.relu && site.number == site.facts.first => {
                Exact::Identity { gain: self.first, order }
            }
            _ => Exact::Identity { gain: 1.0, order },
        }
    }
}

impl Default for IdInit {
    fn default() -> Self {
        Self::PAPER
    }
}

impl Scheme for IdInit {
    type Start = Exact;

    #[inline(always)]
    fn start(&self, site: &Site<'_>) -> Exact {
        self.rule(site)
    }

    /// A rule at a time, so that a program links these rules and no others.
    #[inline(always)]
    fn fill_window(&self, site: &Site<'_>, start: usize, w: &mut [f32]) -> Result<(), LengthError> {
        let (d, order) = (site.part.dims, self.order);
        match self.rule(site) {
            Exact::Identity { gain, .. } => Exact::Identity { gain, order }.fill_from(d, start, w),
            Exact::ZeroPreserving { eps, .. } => {
                Exact::ZeroPreserving { eps, order }.fill_from(d, start, w)
            }
            Exact::Constant { value } => Exact::Constant { value }.fill_from(d, start, w),
            _ => Exact::Zero.fill_from(d, start, w),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{BRANCHES, ENDS, HEAD, STEM, matrices, residual};
    use super::*;
    use crate::graph::{Graph, Value};
    use crate::layer::{Conv2d, Layer};
    use crate::shape::Shape;

    const ORDER: Order = Order::Diagonal;

    #[test]
    fn the_diagonal_start_is_louder_where_a_batch_norm_follows() {
        let identity = |gain| Exact::Identity { gain, order: ORDER };
        let ends = |eps| Exact::ZeroPreserving { eps, order: ORDER };
        let want = [
            (STEM, identity(SQRT_2)),
            (BRANCHES[0], identity(1.0)),
            (ENDS[0], ends(1e-2)),
            (BRANCHES[1], identity(1.0)),
            (ENDS[1], ends(1e-2)),
            (HEAD, ends(1e-6)),
        ];
        assert_eq!(matrices(&residual(), &IdInit::DIAGONAL), want);
    }

    #[test]
    fn a_network_that_begins_with_a_branch_has_no_stem() {
        let g = Graph::<32>::input(Shape::vector(2)).dense(8).role(Role::Branch).relu();
        let g = g.dense(2).role(Role::BranchEnd).add(Value::INPUT).dense(3).role(Role::Head);
        let order = Order::SpatialMajor;
        let ends = Exact::ZeroPreserving { eps: EPS, order };
        let want = [(0, Exact::Identity { gain: 1.0, order }), (2, ends), (4, ends)];
        assert_eq!(matrices(&g, &IdInit::PAPER), want);
    }

    #[test]
    fn a_norm_that_takes_another_value_undoes_nothing() {
        let end = |g: Graph<32>| g.conv2d(2, 3).role(Role::BranchEnd);
        let eps = |graph: &Graph<32>| match matrices(graph, &IdInit::DIAGONAL)[..] {
            [(_, Exact::ZeroPreserving { eps, .. }), ..] => eps,
            ref other => panic!("{other:?}"),
        };
        let input = || Graph::<32>::input(Shape::hwc(4, 4, 2));
        // right behind, and also where other layers come between in the list
        assert_eq!(eps(&end(input()).batch_norm().add(Value::INPUT)), 1e-2);
        let g = end(input());
        let branch = g.here();
        let other = Layer::Conv2d(Conv2d { bias: false, ..Conv2d::same(2, 1) });
        assert_eq!(eps(&g.at(Value::INPUT).then(other).at(branch).batch_norm()), 1e-2);
        // the norm of another branch, one behind the sum, and none
        let g = end(input());
        assert_eq!(eps(&g.at(Value::INPUT).then(other).batch_norm().add(branch)), 1e-6);
        assert_eq!(eps(&end(input()).add(Value::INPUT).batch_norm()), 1e-6);
        assert_eq!(eps(&end(input()).layer_norm().add(Value::INPUT)), 1e-6);
    }
}
