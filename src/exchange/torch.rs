//! What the weights of a network are called in PyTorch, and how they lie there.

use super::Layout;
use crate::graph::Node;
use crate::init::{Tensor, tensors};
use crate::layer::{Kind, PartKind};
use crate::model::key;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// Whose names the weights have, where libraries differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// torchvision's, for the networks that it has; the crate's own for others. A layer without a name
    /// has its number, as in an `nn.Sequential`.
    #[default]
    Torchvision,
    /// timm's: its vision transformers, and squeeze-and-excitation.
    Timm,
    /// transformers': GPT-2, whose matrices are stored as `[in, out]`.
    Transformers,
}

/// Why there are no such names.
pub const NO_NAME: &str = "transformers' names are for gpt only";

/// A tensor of a PyTorch module.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Its key in the `state_dict`.
    pub name: String,
    /// Its sizes; none for a single number.
    pub shape: Vec<usize>,
    /// What it holds.
    pub content: Content<'a>,
}

/// What a tensor of a PyTorch module holds.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// A weight, in a layout.
    Weight(Tensor<'a>, Layout),
    /// How many batches a batch norm has seen: an integer that nothing here counts, 0.
    Batches,
}

/// The tensors of a network as PyTorch has them, in its order.
///
/// # Errors
/// [`NO_NAME`] where these names are for other networks.
pub fn entries(nodes: &[Node], names: Names) -> Result<Vec<Entry<'_>>, &'static str> {
    let is_gpt = nodes.iter().any(|node| node.name.starts_with("transformer.h."));
    if names == Names::Transformers && !is_gpt {
        return Err(NO_NAME);
    }
    let mut all = Vec::new();
    for tensor in tensors(nodes) {
        all.push(entry(nodes, tensor, names));
        if tensor.node.layer.kind() == Kind::BatchNorm
            && tensor.part.kind == PartKind::RunningVariance
        {
            let name = format!("{}.num_batches_tracked", module(nodes, &tensor, names));
            all.push(Entry { name, shape: vec![], content: Content::Batches });
        }
    }
    Ok(all)
}

/// The name of a layer.
fn module(nodes: &[Node], tensor: &Tensor<'_>, names: Names) -> String {
    let own = match key(nodes, tensor.number).to_string() {
        name if name.is_empty() => tensor.number.to_string(),
        name => name,
    };
    if names == Names::Timm { timm(&own) } else { own }
}

/// timm's name of a layer that has torchvision's.
fn timm(name: &str) -> String {
    const WHOLE: [(&str, &str); 5] = [
        ("conv_proj", "patch_embed.proj"),
        ("class_token", "cls_token"),
        ("encoder.pos_embedding", "pos_embed"),
        ("encoder.ln", "norm"),
        ("heads.head", "head"),
    ];
    const INSIDE: [(&str, &str); 6] = [
        ("ln_1", "norm1"),
        ("self_attention.in_proj", "attn.qkv"),
        ("self_attention.out_proj", "attn.proj"),
        ("ln_2", "norm2"),
        ("mlp.0", "mlp.fc1"),
        ("mlp.3", "mlp.fc2"),
    ];
    if let Some((_, timm)) = WHOLE.iter().find(|(torchvision, _)| *torchvision == name) {
        return timm.to_string();
    }
    let block = name.strip_prefix("encoder.layers.encoder_layer_");
    match block.and_then(|rest| rest.split_once('.')) {
        Some((number, layer)) => {
            let inside = INSIDE.iter().find(|(torchvision, _)| *torchvision == layer);
            format!("blocks.{number}.{}", inside.map_or(layer, |(_, timm)| timm))
        }
        None => name.replace(".se_module.", ".se."),
    }
}

/// Whether a layer works on tokens, whose matrices have no kernel in PyTorch.
fn is_on_tokens(nodes: &[Node], number: usize) -> bool {
    let tokens = |kind| matches!(kind, Kind::Embedding | Kind::ClassToken | Kind::Positions);
    nodes.iter().take(number).any(|node| tokens(node.layer.kind()))
}

fn entry<'a>(nodes: &'a [Node], tensor: Tensor<'a>, names: Names) -> Entry<'a> {
    let (node, d) = (tensor.node, tensor.part.dims);
    let module = module(nodes, &tensor, names);
    let (out, inp, [height, width]) =
        (d.out() as usize, d.inp() as usize, d.kernel().map(|k| k as usize));
    let is_gpt_matrix = names == Names::Transformers && module.starts_with("transformer.h.");
    let (shape, layout) = match (node.layer.kind(), tensor.part.kind) {
        (Kind::ClassToken, _) => (vec![1, 1, inp], Layout::Same),
        (Kind::Positions, _) if is_behind_class_token(nodes, tensor.number) => {
            (vec![1, out, inp], Layout::Same)
        }
        (_, PartKind::Table) => (vec![out, inp], Layout::Same),
        (Kind::Dense, PartKind::Weight) => {
            let seen = picture(nodes, node);
            let [pixels, channels] = seen.unwrap_or([1, inp]);
            let shape = match names == Names::Timm && module.contains(".se.") {
                true => vec![out, inp, 1, 1],
                false => vec![out, inp],
            };
            (shape, Layout::channels_first(pixels, channels))
        }
        (Kind::Conv2d, PartKind::Weight) if is_on_tokens(nodes, tensor.number) => {
            match (height * width, is_gpt_matrix) {
                (1, true) => (vec![inp, out], Layout::Transposed),
                (1, false) => (vec![out, inp], Layout::Same),
                (taps, _) => (vec![out, inp, taps], Layout::channels_first(taps, inp)),
            }
        }
        (Kind::Conv2d, PartKind::Weight) => {
            (vec![out, inp, height, width], Layout::channels_first(height * width, inp))
        }
        (_, PartKind::Weight) => (vec![out, inp], Layout::Same),
        _ => (vec![out], Layout::Same),
    };
    Entry { name: joined(&module, &tensor), shape, content: Content::Weight(tensor, layout) }
}

/// Pixels and channels of the picture that a fully connected layer sees, flattened before or not.
fn picture(nodes: &[Node], node: &Node) -> Option<[usize; 2]> {
    let mut node = node;
    // behind layers that keep the order of numbers
    while let Some(before) = node.from.node().and_then(|before| nodes.get(before)) {
        let keeps = matches!(before.layer.kind(), Kind::Flatten | Kind::Dropout);
        if !keeps {
            break;
        }
        node = before;
    }
    let shape = node.input;
    Some([shape.pixels(), shape.channels as usize])
}

fn is_behind_class_token(nodes: &[Node], number: usize) -> bool {
    nodes.iter().take(number).any(|node| node.layer.kind() == Kind::ClassToken)
}

/// The name of a tensor, by its module and what it is.
fn joined(module: &str, tensor: &Tensor<'_>) -> String {
    let kind = tensor.node.layer.kind();
    let part = match (kind, tensor.part.kind) {
        (Kind::ClassToken | Kind::Multiplier | Kind::ScalarBias, _) => return module.to_string(),
        (Kind::Positions, _) if !module.ends_with("wpe") && !module.ends_with("positions") => {
            return module.to_string();
        }
        (Kind::Rnn | Kind::Gru | Kind::Lstm, _) => match tensor.part_number {
            0 => "weight_ih_l0",
            1 => "weight_hh_l0",
            2 => "bias_ih_l0",
            _ => "bias_hh_l0",
        },
        (_, PartKind::Bias) => "bias",
        (_, PartKind::RunningMean) => "running_mean",
        (_, PartKind::RunningVariance) => "running_var",
        _ => "weight",
    };
    // nn.MultiheadAttention has its queries, keys and values as parameters of its own
    let between = if module.ends_with("in_proj") { '_' } else { '.' };
    format!("{module}{between}{part}")
}
