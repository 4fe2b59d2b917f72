//! Residual networks for small pictures (He et al. 2016, §4.2): three stages of n blocks, each at
//! half the height and width of the one before and twice its channels.

use super::{bare_conv, channels, conv, in_stage};
use crate::graph::{Graph, Role};
use crate::layer::{Layer, Padding, Shortcut};

/// What stands behind a convolution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Norm {
    /// Nothing; the convolution has a bias.
    None,
    /// Normalisation over the batch; the convolution has no bias.
    #[default]
    Batch,
}

/// What a residual branch is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Block {
    /// Two convolutions of 3 × 3.
    #[default]
    Basic,
    /// Convolutions of 1 × 1, 3 × 3 and 1 × 1, the last with four times the channels.
    Bottleneck,
}

impl Block {
    /// How many convolutions a branch has.
    pub const fn convolutions(self) -> usize {
        match self {
            Self::Basic => 2,
            Self::Bottleneck => 3,
        }
    }

    /// How many times the channels of its first convolution a branch puts out.
    pub const fn expansion(self) -> u32 {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

/// The single trained numbers of a residual branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Scalars {
    /// None.
    #[default]
    None,
    /// One that multiplies the branch at its end: Table 1 of the IDInit paper, SkipInit (De & Smith
    /// 2020) and ReZero (Bachlechner et al. 2021).
    Multiplier,
    /// The multiplier, and one that is added before each convolution and each activation, in place
    /// of the biases of the convolutions (Fixup, Zhang et al. 2019, Fig. 1).
    Fixup,
}

/// How a skip connection gets to more channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Widening {
    /// Zeros (option A of He et al. 2016).
    Zeros(Padding),
    /// A convolution of 1 × 1 (option B), with a norm behind it where the branches have norms.
    #[default]
    Conv,
}

/// What can be chosen about [`cifar_resnet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CifarResNet {
    /// n, the blocks of each of the three stages.
    pub blocks: usize,
    /// Channels of the stem and of the first stage (before their expansion).
    pub width: u32,
    /// What the branches are made of.
    pub block: Block,
    /// What stands behind the convolutions.
    pub norm: Norm,
    /// The single numbers of each branch.
    pub scalars: Scalars,
    /// How the skip connections get to more channels.
    pub widening: Widening,
    /// Outputs.
    pub classes: u32,
}

impl CifarResNet {
    /// ResNet-20 with norms and zero-padded shortcuts: 269,722 parameters (He et al. 2016, Table 6:
    /// 0.27 M).
    pub const DEPTH_20: Self = Self {
        blocks: 3,
        width: 16,
        block: Block::Basic,
        norm: Norm::Batch,
        scalars: Scalars::None,
        widening: Widening::Zeros(Padding::Behind),
        classes: 10,
    };

    /// The network of 6 n + 2 layers, or with bottlenecks of 9 n + 4 (its convolutions, with the
    /// three that widen skip connections, as wide residual networks are counted); no network of
    /// another depth.
    pub const fn with_depth(self, depth: usize) -> Option<Self> {
        let (each, others) = match self.block {
            Block::Basic => (6, 2),
            Block::Bottleneck => (9, 4),
        };
        match depth.checked_sub(others) {
            Some(inner) if inner > 0 && inner.is_multiple_of(each) => {
                Some(Self { blocks: inner / each, ..self })
            }
            _ => None,
        }
    }
}

impl Default for CifarResNet {
    fn default() -> Self {
        Self::DEPTH_20
    }
}

/// How many layers [`cifar_resnet`] has.
pub const fn cifar_resnet_nodes(net: CifarResNet) -> usize {
    let convolutions = net.block.convolutions();
    let norm = matches!(net.norm, Norm::Batch) as usize;
    let (in_block, in_trunk) = match net.scalars {
        Scalars::None => (0, 0),
        Scalars::Multiplier => (1, 0),
        Scalars::Fixup => (1 + 2 * convolutions, 2),
    };
    // convolutions and their norms, activations and the sum
    let block = convolutions * (2 + norm) + 1 + in_block;
    let widenings = match (net.widening, net.block) {
        (Widening::Zeros(_), Block::Basic) => 2,
        (Widening::Conv, Block::Basic) => 2 * (1 + norm),
        (Widening::Zeros(_), Block::Bottleneck) => 3,
        (Widening::Conv, Block::Bottleneck) => 3 * (1 + norm),
    };
    2 + norm + block.saturating_mul(net.blocks).saturating_mul(3) + widenings + 2 + in_trunk
}

/// A convolution of 3 × 3, three stages of blocks (the first block of the second and third has
/// stride 2), the mean of each channel, and a classifier: [`cifar_resnet_nodes`] layers.
///
/// A block is relu(x + branch(x)). In Fixup's form the branch is
/// s · conv(relu(conv(x + b₁ₐ) + b₁ᵦ) + b₂ₐ) + b₂ᵦ, and what widens the skip connection reads
/// x + b₁ₐ too, as in the authors' code.
#[track_caller]
pub const fn cifar_resnet<const N: usize>(mut g: Graph<N>, net: CifarResNet) -> Graph<N> {
    let fixup = matches!(net.scalars, Scalars::Fixup);
    g = branch_conv(g, net, net.width, 3, 1).name("conv1");
    g = match (net.norm, fixup) {
        (Norm::Batch, _) => g.batch_norm().name("bn1"),
        (Norm::None, _) => g,
    };
    if fixup {
        g = g.scalar_bias().name("bias1");
    }
    g = g.relu();
    let (mut stage, mut width) = (0, net.width);
    while stage < 3 {
        let mut block = 0;
        // a draft that is full counts no further
        while block < net.blocks && block < N {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            g = residual_block(g, net, stage, width, stride);
            block += 1;
        }
        width = width.saturating_mul(2);
        stage += 1;
    }
    g = g.global_average_pool();
    if fixup {
        g = g.scalar_bias().name("bias2");
    }
    g.dense(net.classes).role(Role::Head).name("fc").cross_entropy(0.0)
}

/// A convolution; its bias depends on what else there is to add.
#[track_caller]
const fn branch_conv<const N: usize>(
    g: Graph<N>,
    net: CifarResNet,
    out: u32,
    kernel: u32,
    stride: u32,
) -> Graph<N> {
    let bias = matches!(net.norm, Norm::None) && !matches!(net.scalars, Scalars::Fixup);
    conv(g, out, kernel, stride, bias)
}

#[track_caller]
const fn residual_block<const N: usize>(
    mut g: Graph<N>,
    net: CifarResNet,
    stage: usize,
    width: u32,
    stride: u32,
) -> Graph<N> {
    let fixup = matches!(net.scalars, Scalars::Fixup);
    let (mut skip, before) = (g.here(), channels(&g));
    let out = width.saturating_mul(net.block.expansion());
    let convolutions = net.block.convolutions();
    let mut inside = skip;
    let mut i = 0;
    while i < convolutions {
        let last = i + 1 == convolutions;
        // of a bottleneck the middle one is 3 × 3, and the one with the stride
        let (kernel, stride) = match (net.block, i) {
            (Block::Basic, 0) => (3, stride),
            (Block::Basic, _) => (3, 1),
            (Block::Bottleneck, 1) => (3, stride),
            (Block::Bottleneck, _) => (1, 1),
        };
        if fixup {
            g = g.scalar_bias().name(bias_name(stage, 2 * i));
            if i == 0 {
                inside = g.here();
            }
        }
        g = branch_conv(g, net, if last { out } else { width }, kernel, stride);
        g = g.role(if last { Role::BranchEnd } else { Role::Branch }).name(conv_name(stage, i));
        if matches!(net.norm, Norm::Batch) {
            g = g.batch_norm().name(norm_name(stage, i));
        }
        if last && !matches!(net.scalars, Scalars::None) {
            g = g.multiplier().name(in_stage!(stage, "scale"));
        }
        if fixup {
            g = g.scalar_bias().name(bias_name(stage, 2 * i + 1));
        }
        if !last {
            g = g.relu();
        }
        i += 1;
    }
    let branch = g.here();
    if stride != 1 || before != out {
        g = widen(g.at(inside), net, stage, out, stride);
        skip = g.here();
        g = g.at(branch);
    }
    g.add(skip).relu()
}

#[track_caller]
const fn widen<const N: usize>(
    g: Graph<N>,
    net: CifarResNet,
    stage: usize,
    channels: u32,
    stride: u32,
) -> Graph<N> {
    match (net.widening, net.norm) {
        (Widening::Zeros(padding), _) => {
            g.then(Layer::Shortcut(Shortcut { channels, stride, padding }))
        }
        (Widening::Conv, Norm::None) => branch_conv(g, net, channels, 1, stride)
            .role(Role::Skip)
            .name(in_stage!(stage, "downsample.0")),
        (Widening::Conv, Norm::Batch) => bare_conv(g, channels, 1, stride)
            .role(Role::Skip)
            .name(in_stage!(stage, "downsample.0"))
            .batch_norm()
            .name(in_stage!(stage, "downsample.1")),
    }
}

/// The name of a block's convolution, counted from 0.
pub(super) const fn conv_name(stage: usize, i: usize) -> &'static str {
    match i {
        0 => in_stage!(stage, "conv1"),
        1 => in_stage!(stage, "conv2"),
        _ => in_stage!(stage, "conv3"),
    }
}

/// The name of the norm behind a block's convolution, counted from 0.
pub(super) const fn norm_name(stage: usize, i: usize) -> &'static str {
    match i {
        0 => in_stage!(stage, "bn1"),
        1 => in_stage!(stage, "bn2"),
        _ => in_stage!(stage, "bn3"),
    }
}

/// The names of Fixup's biases: before and behind the first convolution, the second, the third.
const fn bias_name(stage: usize, i: usize) -> &'static str {
    match i {
        0 => in_stage!(stage, "bias1a"),
        1 => in_stage!(stage, "bias1b"),
        2 => in_stage!(stage, "bias2a"),
        3 => in_stage!(stage, "bias2b"),
        4 => in_stage!(stage, "bias3a"),
        _ => in_stage!(stage, "bias3b"),
    }
}
