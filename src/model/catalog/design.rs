//! A network with all that was chosen about it: how many layers it has, and how it continues a graph
//! of any room.

use super::settings::{self as by, Options, Setting};
use super::{CatalogError, Task};
use crate::graph::{Graph, Role};
use crate::layer::Padding;
use crate::model::{
    self, Activation, AllConv, Block, Cell, CifarResNet, Gpt, LINEAR_5, Norm, ResNet, Scalars,
    TextCnn, TextRnn, TextTransformer, Vit, Widening,
};
use std::borrow::ToOwned;
use std::vec::Vec;

/// A network with all that was chosen about it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Design {
    Residual { width: u32, blocks: usize, classes: u32 },
    Mlp { hidden: Vec<u32>, activation: Activation, classes: u32 },
    Cnn { width: u32, classes: u32 },
    Fc { classes: u32 },
    ResFc { width: u32, blocks: usize, classes: u32 },
    ResConv { width: u32, blocks: usize, classes: u32 },
    AllConv(AllConv),
    CifarResNet(CifarResNet),
    ResNet(ResNet),
    Vit(Vit),
    Gpt(Gpt),
    TextCnn(TextCnn),
    TextRnn(TextRnn),
    TextTransformer(TextTransformer),
}

/// How an entry makes a design of its settings for a task.
pub(super) type Make = fn(&Options, Task) -> Result<Design, CatalogError>;

fn depth_error(setting: Setting, depth: u32, wants: &'static str) -> CatalogError {
    CatalogError::Depth { setting, depth, wants }
}

fn norm(o: &Options) -> Norm {
    match o.word(by::NORM) {
        "none" => Norm::None,
        _ => Norm::Batch,
    }
}

fn activation(o: &Options) -> Activation {
    match o.word(by::ACTIVATION) {
        "tanh" => Activation::Tanh,
        _ => Activation::Relu,
    }
}

fn size(o: &Options, setting: Setting) -> usize {
    o.count(setting) as usize
}

pub(super) fn residual(o: &Options, task: Task) -> Result<Design, CatalogError> {
    let (width, blocks) = (o.count(by::WIDTH), size(o, by::BLOCKS));
    Ok(Design::Residual { width, blocks, classes: task.classes() })
}

pub(super) fn mlp(o: &Options, task: Task) -> Result<Design, CatalogError> {
    let hidden = o.counts(by::HIDDEN).to_owned();
    Ok(Design::Mlp { hidden, activation: activation(o), classes: task.classes() })
}

pub(super) fn linear_5(o: &Options, task: Task) -> Result<Design, CatalogError> {
    let hidden = LINEAR_5.to_vec();
    Ok(Design::Mlp { hidden, activation: activation(o), classes: task.classes() })
}

pub(super) fn linear_5_tanh(_: &Options, task: Task) -> Result<Design, CatalogError> {
    let hidden = LINEAR_5.to_vec();
    Ok(Design::Mlp { hidden, activation: Activation::Tanh, classes: task.classes() })
}

pub(super) fn cnn(o: &Options, task: Task) -> Result<Design, CatalogError> {
    Ok(Design::Cnn { width: o.count(by::WIDTH), classes: task.classes() })
}

pub(super) fn fc(_: &Options, task: Task) -> Result<Design, CatalogError> {
    Ok(Design::Fc { classes: task.classes() })
}

pub(super) fn res_fc(o: &Options, task: Task) -> Result<Design, CatalogError> {
    let (width, blocks) = (o.count(by::WIDTH), size(o, by::BLOCKS));
    Ok(Design::ResFc { width, blocks, classes: task.classes() })
}

pub(super) fn res_conv(o: &Options, task: Task) -> Result<Design, CatalogError> {
    let (width, blocks) = (o.count(by::WIDTH), size(o, by::BLOCKS));
    Ok(Design::ResConv { width, blocks, classes: task.classes() })
}

pub(super) fn all_conv(o: &Options, task: Task) -> Result<Design, CatalogError> {
    let (width, norm) = (o.count(by::WIDTH), norm(o));
    Ok(Design::AllConv(AllConv { width, norm, classes: task.classes() }))
}

pub(super) fn cifar_resnet(o: &Options, task: Task) -> Result<Design, CatalogError> {
    let net = CifarResNet {
        blocks: 1,
        width: o.count(by::WIDTH),
        block: if o.flag(by::BOTTLENECK) { Block::Bottleneck } else { Block::Basic },
        norm: norm(o),
        scalars: match (o.flag(by::FIXUP), o.flag(by::MULTIPLIER)) {
            (true, _) => Scalars::Fixup,
            (false, true) => Scalars::Multiplier,
            (false, false) => Scalars::None,
        },
        widening: match o.word(by::SHORTCUT) {
            "conv" => Widening::Conv,
            "split" => Widening::Zeros(Padding::Around),
            _ => Widening::Zeros(Padding::Behind),
        },
        classes: task.classes(),
    };
    let depth = o.count(by::DEPTH);
    let wants = match net.block {
        Block::Basic => "6n+2: 8, 14, 20, 32, 44, 56, 110, …",
        Block::Bottleneck => "9n+4 with --bottleneck: 13, 22, 31, …, 130, …",
    };
    let net = net.with_depth(depth as usize);
    net.map(Design::CifarResNet).ok_or_else(|| depth_error(by::DEPTH, depth, wants))
}

/// What an ImageNet network makes of its settings.
pub(super) fn resnet(paper: ResNet, o: &Options, task: Task) -> Result<Design, CatalogError> {
    let (width, reduction) = (o.count(by::WIDTH), o.count(by::REDUCTION));
    Ok(Design::ResNet(ResNet { width, reduction, classes: task.classes(), ..paper }))
}

pub(super) fn vit(o: &Options, task: Task) -> Result<Design, CatalogError> {
    Ok(Design::Vit(Vit {
        patch: o.count(by::PATCH),
        layers: size(o, by::LAYERS),
        width: o.count(by::WIDTH),
        heads: o.count(by::HEADS),
        inner: o.count(by::INNER),
        dropout: o.share(by::DROPOUT),
        classes: task.classes(),
    }))
}

pub(super) fn gpt(o: &Options, task: Task) -> Result<Design, CatalogError> {
    Ok(Design::Gpt(Gpt {
        layers: size(o, by::LAYERS),
        width: o.count(by::WIDTH),
        heads: o.count(by::HEADS),
        vocabulary: task.classes(),
        dropout: o.share(by::DROPOUT),
    }))
}

pub(super) fn text_cnn(o: &Options, task: Task) -> Result<Design, CatalogError> {
    let kernels = match *o.counts(by::KERNELS) {
        [a, b, c] => [a, b, c],
        _ => return Err(CatalogError::Kernels),
    };
    Ok(Design::TextCnn(TextCnn {
        vocabulary: o.count(by::VOCABULARY),
        width: o.count(by::WIDTH),
        kernels,
        filters: o.count(by::FILTERS),
        dropout: o.share(by::DROPOUT),
        classes: task.classes(),
    }))
}

pub(super) fn text_rnn(o: &Options, task: Task) -> Result<Design, CatalogError> {
    let layers = o.count(by::LAYERS);
    if layers == 0 {
        return Err(depth_error(by::LAYERS, 0, "at least 1"));
    }
    Ok(Design::TextRnn(TextRnn {
        vocabulary: o.count(by::VOCABULARY),
        width: o.count(by::WIDTH),
        cell: match o.word(by::CELL) {
            "gru" => Cell::Gru,
            "rnn" => Cell::Plain,
            _ => Cell::Lstm,
        },
        layers: layers as usize,
        hidden: o.count(by::STATE),
        dropout: o.share(by::DROPOUT),
        classes: task.classes(),
    }))
}

pub(super) fn text_transformer(o: &Options, task: Task) -> Result<Design, CatalogError> {
    Ok(Design::TextTransformer(TextTransformer {
        vocabulary: o.count(by::VOCABULARY),
        width: o.count(by::WIDTH),
        layers: size(o, by::LAYERS),
        heads: o.count(by::HEADS),
        inner: o.count(by::INNER),
        dropout: o.share(by::DROPOUT),
        classes: task.classes(),
    }))
}

impl Design {
    /// How many layers the network has; beyond counting, a number that no room has.
    pub fn nodes(&self) -> usize {
        // so that no product of a number of blocks overflows
        let few = |blocks: &usize| (*blocks).min(1 << 20);
        match self {
            Self::Residual { blocks, .. } => model::residual_nodes(few(blocks)),
            Self::Mlp { hidden, .. } => 2 * hidden.len() + 1,
            Self::Cnn { .. } => 6,
            Self::Fc { .. } => 12,
            Self::ResFc { blocks, .. } => 3 + model::res_fc_nodes(few(blocks)),
            Self::ResConv { blocks, .. } => 2 + model::res_conv_nodes(few(blocks)),
            Self::AllConv(net) => model::all_conv_nodes(*net),
            Self::CifarResNet(net) => model::cifar_resnet_nodes(*net),
            Self::ResNet(net) => model::resnet_nodes(*net),
            Self::Vit(net) => model::vit_nodes(*net),
            Self::Gpt(net) => model::gpt_nodes(*net),
            Self::TextCnn(net) => model::text_cnn_nodes(*net),
            Self::TextRnn(net) => model::text_rnn_nodes(*net),
            Self::TextTransformer(net) => model::text_transformer_nodes(*net),
        }
    }

    /// The network behind the input of a graph. The networks of Appendix C.2 get a classifier.
    pub fn onto<const N: usize>(&self, g: Graph<N>) -> Graph<N> {
        match self {
            Self::Residual { width, blocks, classes } => {
                model::residual(g, *width, *blocks, *classes)
            }
            Self::Mlp { hidden, activation, classes } => {
                model::mlp(g, hidden, *activation, *classes)
            }
            Self::Cnn { width, classes } => model::cnn(g, *width, *classes),
            Self::Fc { classes } => head(model::fc(g.flatten()), *classes),
            Self::ResFc { width, blocks, classes } => {
                head(model::res_fc(g.flatten().dense(*width), *blocks), *classes)
            }
            Self::ResConv { width, blocks, classes } => {
                head(model::res_conv(g, *width, *blocks).global_average_pool(), *classes)
            }
            Self::AllConv(net) => model::all_conv(g, *net),
            Self::CifarResNet(net) => model::cifar_resnet(g, *net),
            Self::ResNet(net) => model::resnet(g, *net),
            Self::Vit(net) => model::vit(g, *net),
            Self::Gpt(net) => model::gpt(g, *net),
            Self::TextCnn(net) => model::text_cnn(g, *net),
            Self::TextRnn(net) => model::text_rnn(g, *net),
            Self::TextTransformer(net) => model::text_transformer(g, *net),
        }
    }
}

fn head<const N: usize>(g: Graph<N>, classes: u32) -> Graph<N> {
    g.dense(classes).role(Role::Head).name("head")
}
