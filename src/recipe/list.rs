//! Starts of models that this crate does not have: a list of tensors, each with what it is for.

use super::bytes::Writer;
use super::name::say;
use super::words::{FIRST_TENSOR, MODELS, SETTINGS, TENSORS};
use super::{Recipe, RecipeError, Sizes, Value};
use crate::graph::{Node, Role, Value as Operand};
use crate::init::{Facts, Named, Scheme, Site};
use crate::layer::{Attention, Conv2d, Dense, Embedding, Layer, Relu};
use crate::rule::{Dims, LengthError, Start};
use crate::shape::Shape;
use std::format;
use std::string::String;
use std::vec::Vec;

/// What a tensor of a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A matrix or a kernel of the main path. The first of a list is the first layer.
    Main,
    /// One of a residual branch, but not its last.
    Branch,
    /// The last of a residual branch.
    End,
    /// One of a skip connection.
    Skip,
    /// The classifier.
    Head,
    /// Rows that are looked up.
    Table,
    /// Numbers that start at 1: gains of norms, running variances.
    One,
    /// Numbers that start at 0: biases, running means.
    Zero,
}

impl Part {
    /// All of them, in the order of the words of a recipe.
    pub const ALL: [Self; 8] = [
        Self::Main,
        Self::Branch,
        Self::End,
        Self::Skip,
        Self::Head,
        Self::Table,
        Self::One,
        Self::Zero,
    ];

    /// Its word in a recipe.
    pub fn name(self) -> &'static str {
        let place = Self::ALL.iter().position(|part| *part == self).unwrap_or(0);
        SETTINGS.get(FIRST_TENSOR + place).map_or("", |key| key.name)
    }

    const fn role(self) -> Role {
        match self {
            Self::Branch => Role::Branch,
            Self::End => Role::BranchEnd,
            Self::Skip => Role::Skip,
            Self::Head => Role::Head,
            _ => Role::Main,
        }
    }
}

/// A list of tensors with a scheme: the initial weights of a model that this crate does not have.
///
/// ```
/// use idinit::recipe::{Recipe, list::List};
/// let line = "idinit/1 tensors relu=yes main=4x1x3x3 zero=4 end=4x4x3x3 head=2x4 idinit";
/// let list = List::of(&Recipe::<64>::parse(line)?)?;
/// let mut head = [0.0; 8];
/// list.fill(3, 0, &mut head)?;
/// assert_eq!(head, [1e-6, 0.0, -1e-6, 0.0, 0.0, 1e-6, 0.0, -1e-6]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct List {
    tensors: Vec<(Part, Dims)>,
    relu: bool,
    attention: bool,
    scheme: Named,
    nodes: Vec<Node>,
    /// The node of each tensor that has one.
    places: Vec<Option<usize>>,
    facts: Facts,
}

/// What stands for a tensor where schemes look.
fn node(part: Part, d: Dims) -> Option<Node> {
    let (kernel, groups) = (d.kernel(), d.groups());
    let [height, width] = kernel;
    let (layer, input) = match part {
        Part::One | Part::Zero => return None,
        Part::Table => {
            let table = Embedding { count: d.out(), width: d.inp(), padding: false };
            (Layer::Embedding(table), Shape::vector(1))
        }
        _ if d.taps() == 1 && groups == 1 => {
            (Layer::Dense(Dense { out: d.out(), bias: false }), Shape::vector(d.inp()))
        }
        _ => {
            let conv = Conv2d {
                out: d.out(),
                kernel,
                stride: [1, 1],
                padding: [0, 0],
                groups,
                bias: false,
            };
            let channels = d.inp().saturating_mul(groups);
            (Layer::Conv2d(conv), Shape::hwc(height, width, channels))
        }
    };
    Some(of(layer, input, part.role()))
}

const fn of(layer: Layer, input: Shape, role: Role) -> Node {
    Node { layer, from: Operand::INPUT, second: None, input, output: input, role, name: "" }
}

impl List {
    /// A list. `relu` says whether activations are rectifiers, `attention` whether the model
    /// attends, on which the size of its tables depends.
    pub fn new(tensors: Vec<(Part, Dims)>, [relu, attention]: [bool; 2], scheme: Named) -> Self {
        let (mut nodes, mut places) = (Vec::new(), Vec::new());
        for (part, d) in &tensors {
            let node = node(*part, *d);
            places.push(node.map(|_| nodes.len()));
            nodes.extend(node);
        }
        if relu {
            nodes.push(of(Layer::Relu(Relu), Shape::vector(1), Role::Main));
        }
        if attention {
            let layer = Layer::Attention(Attention { heads: 1, causal: false });
            nodes.push(of(layer, Shape::vector(3), Role::Main));
        }
        let facts = Facts::of(&nodes);
        Self { tensors, relu, attention, scheme, nodes, places, facts }
    }

    /// The list that a recipe is about.
    ///
    /// # Errors
    /// [`RecipeError::Model`] where it is about no list, or about sizes that no tensor has.
    pub fn of<const N: usize>(recipe: &Recipe<N>) -> Result<Self, RecipeError> {
        if recipe.model() != TENSORS {
            return Err(RecipeError::Model);
        }
        let (mut tensors, mut flags) = (Vec::new(), [false; 2]);
        for (name, value) in recipe.settings() {
            let part = Part::ALL.iter().find(|part| part.name() == name);
            match (name, value, part) {
                ("relu", Value::Flag(flag), _) => flags[0] = flag,
                ("attention", Value::Flag(flag), _) => flags[1] = flag,
                (_, Value::Sizes(sizes), Some(part)) => {
                    tensors.push((*part, dims(sizes).ok_or(RecipeError::Model)?));
                }
                _ => return Err(RecipeError::Model),
            }
        }
        Ok(Self::new(tensors, flags, recipe.scheme()?))
    }

    /// The recipe.
    ///
    /// # Errors
    /// Where it has more than `N` bytes, or no words name the scheme.
    pub fn recipe<const N: usize>(&self) -> Result<Recipe<N>, RecipeError> {
        let mut words: Vec<String> = Vec::new();
        for (name, flag) in [("relu", self.relu), ("attention", self.attention)] {
            if flag {
                words.push(format!("{name}=yes"));
            }
        }
        for (part, d) in &self.tensors {
            let ([height, width], groups) = (d.kernel(), d.groups());
            let mut word = format!("{}={}", part.name(), d.out());
            if !matches!(part, Part::One | Part::Zero) {
                word += &format!("x{}", d.inp());
            }
            if d.taps() > 1 {
                word += &format!("x{height}x{width}");
            }
            if groups > 1 {
                word += &format!("g{groups}");
            }
            words.push(word);
        }
        let place = MODELS.iter().position(|model| *model == TENSORS).unwrap_or(0);
        let line = words.join(" ");
        let said = |out: &mut Writer<'_>| say(out, &line, 0..words.len(), SETTINGS, true);
        Recipe::write(place, self.scheme, said)
    }

    /// What the scheme goes by and a list does not have, in words.
    pub fn lacks(&self) -> Option<&'static str> {
        self.scheme.lacks(&self.nodes)
    }

    /// The tensors: what each is for, and its sizes.
    pub fn tensors(&self) -> &[(Part, Dims)] {
        &self.tensors
    }

    /// Writes the window of a tensor that begins at its index `start`, in the order
    /// `[out][kh][kw][in]`.
    ///
    /// # Errors
    /// A [`LengthError`] where the window does not end within the tensor, and for a part of one that
    /// can only be written whole.
    pub fn fill(&self, tensor: usize, start: usize, w: &mut [f32]) -> Result<(), LengthError> {
        let nothing = LengthError { need: 0, got: w.len() };
        let (part, d) = *self.tensors.get(tensor).ok_or(nothing)?;
        let Some(number) = self.places.get(tensor).copied().flatten() else {
            let need = d.len().saturating_sub(start);
            if w.len() > need {
                return Err(LengthError { need, got: w.len() });
            }
            w.fill(if part == Part::One { 1.0 } else { 0.0 });
            return Ok(());
        };
        let nodes = &self.nodes[..];
        let node = nodes.get(number).ok_or(nothing)?;
        let part = node.layer.part(node.input, 0).ok_or(nothing)?;
        let site = Site { facts: &self.facts, nodes, number, node, part, part_number: 0 };
        match site.is_table() {
            true => self.scheme.table(&site).fill_from(d, start, w),
            false => self.scheme.fill_window(&site, start, w),
        }
    }
}

/// The sizes of a tensor, as PyTorch has them.
fn dims(sizes: Sizes<'_>) -> Option<Dims> {
    let all: Vec<u32> = sizes.iter().map(u32::try_from).collect::<Result<_, _>>().ok()?;
    let (out, inp, kernel) = match all[..] {
        [out] => (out, 1, [1, 1]),
        [out, inp] => (out, inp, [1, 1]),
        [out, inp, width] => (out, inp, [1, width]),
        [out, inp, height, width] => (out, inp, [height, width]),
        _ => return None,
    };
    // what schemes see of a kernel is an input of all groups
    let groups = u32::try_from(sizes.groups).ok()?;
    inp.checked_mul(groups)?;
    Dims::new(out, inp, kernel, groups).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::{Exact, Fill, Order};
    use std::vec;

    fn list(line: &str) -> List {
        List::of(&Recipe::<256>::parse(line).unwrap()).unwrap()
    }

    fn whole(list: &List, tensor: usize) -> Vec<f32> {
        let mut w = vec![f32::NAN; list.tensors()[tensor].1.len()];
        list.fill(tensor, 0, &mut w).unwrap();
        w
    }

    #[test]
    fn each_tensor_has_the_rule_of_its_part() {
        let line = "idinit/1 tensors relu=yes main=8x3x3x3 one=8 zero=8 branch=8x8 \
                    branch=8x1x3x3g8 end=8x8x3x3 skip=16x8 head=4x16 idinit";
        let all = list(line);
        let order = Order::SpatialMajor;
        let identity = |gain| Exact::Identity { gain, order };
        let end = Exact::ZeroPreserving { eps: 1e-6, order };
        let rules = [
            identity(core::f32::consts::SQRT_2),
            Exact::Constant { value: 1.0 },
            Exact::Zero,
            identity(1.0),
            identity(1.0),
            end,
            identity(1.0),
            end,
        ];
        for (tensor, rule) in rules.into_iter().enumerate() {
            let d = all.tensors()[tensor].1;
            let mut want = vec![f32::NAN; d.len()];
            rule.fill_f32(d, &mut want).unwrap();
            assert_eq!(whole(&all, tensor), want, "tensor {tensor}");
        }
        assert_eq!(
            all.recipe::<256>().unwrap().to_string(),
            line.replace("                    ", "")
        );
    }

    #[test]
    fn a_plain_model_has_no_ends() {
        let all = list("idinit/1 tensors main=3x2 head=2x3 idinit");
        assert_eq!(whole(&all, 0), [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        assert_eq!(whole(&all, 1), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn tables_are_small_where_there_is_attention() {
        let largest =
            |line| whole(&list(line), 0).iter().fold(0.0_f32, |most, x| most.max(x.abs()));
        let bound = 1.732_050_8_f32;
        let attends = largest("idinit/1 tensors attention=yes table=50x20 idinit");
        assert!(attends > 0.019 * bound && attends <= 0.02 * bound, "{attends}");
        let not = largest("idinit/1 tensors table=50x20 idinit");
        assert!(not > 0.95 * bound && not <= bound, "{not}");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for line in [
            "idinit/1 mlp idinit",
            "idinit/1 tensors main=3x3x3x3x3 idinit",
            "idinit/1 tensors main=3x0 idinit",
            "idinit/1 tensors main=3x3g2 idinit",
            "idinit/1 tensors main=4294967295x4294967295x4294967295 idinit",
            "idinit/1 tensors width=3 main=3x3 idinit",
        ] {
            let recipe = Recipe::<64>::parse(line).unwrap();
            assert_eq!(List::of(&recipe).map(|_| ()), Err(RecipeError::Model), "{line}");
        }
        let all = list("idinit/1 tensors zero=4 idinit");
        assert_eq!(all.fill(0, 3, &mut [0.0; 2]), Err(LengthError { need: 1, got: 2 }));
        assert_eq!(all.fill(1, 0, &mut []), Err(LengthError { need: 0, got: 0 }));
    }
}
