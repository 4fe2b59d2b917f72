//! Residual networks for ImageNet (He et al. 2016, Table 1), and with squeeze-and-excitation (Hu et
//! al. 2018): a stem that divides height and width by 4, then four stages.

use super::cifar_resnet::{Block, conv_name, norm_name};
use super::{bare_conv, channels, in_stage};
use crate::graph::{Graph, Role};
use crate::layer::{Conv2d, Layer, MaxPool};

/// What can be chosen about [`resnet`]. Each constant has torchvision's number of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ResNet {
    /// Blocks of the four stages.
    pub blocks: [usize; 4],
    /// What the branches are made of.
    pub block: Block,
    /// Channels of the stem and of the first stage (before their expansion).
    pub width: u32,
    /// By how much squeeze-and-excitation divides the channels; 0 is for none.
    pub reduction: u32,
    /// Outputs.
    pub classes: u32,
}

impl ResNet {
    /// ResNet-18: 11,689,512 parameters.
    pub const DEPTH_18: Self =
        Self { blocks: [2, 2, 2, 2], block: Block::Basic, width: 64, reduction: 0, classes: 1000 };
    /// ResNet-34: 21,797,672 parameters.
    pub const DEPTH_34: Self = Self { blocks: [3, 4, 6, 3], ..Self::DEPTH_18 };
    /// ResNet-50: 25,557,032 parameters.
    pub const DEPTH_50: Self = Self { block: Block::Bottleneck, ..Self::DEPTH_34 };
    /// ResNet-101: 44,549,160 parameters.
    pub const DEPTH_101: Self = Self { blocks: [3, 4, 23, 3], ..Self::DEPTH_50 };
    /// ResNet-152: 60,192,808 parameters.
    pub const DEPTH_152: Self = Self { blocks: [3, 8, 36, 3], ..Self::DEPTH_50 };
    /// SE-ResNet-50: 28,088,024 parameters (Hu et al. 2018, §6.1: 28.1 M).
    pub const SE_50: Self = Self { reduction: 16, ..Self::DEPTH_50 };

    /// The network of a depth that He et al. have.
    pub const fn with_depth(self, depth: usize) -> Option<Self> {
        let Self { blocks, block, .. } = match depth {
            18 => Self::DEPTH_18,
            34 => Self::DEPTH_34,
            50 => Self::DEPTH_50,
            101 => Self::DEPTH_101,
            152 => Self::DEPTH_152,
            _ => return None,
        };
        Some(Self { blocks, block, ..self })
    }
}

impl Default for ResNet {
    fn default() -> Self {
        Self::DEPTH_50
    }
}

/// How many layers [`resnet`] has.
pub const fn resnet_nodes(net: ResNet) -> usize {
    let [a, b, c, d] = net.blocks;
    let squeeze = if net.reduction > 0 { 6 } else { 0 };
    let block = 3 * net.block.convolutions() + 1 + squeeze;
    let widenings = match net.block {
        Block::Basic => 3,
        Block::Bottleneck => 4,
    };
    4 + (a + b + c + d) * block + 2 * widenings + 2
}

/// A convolution of 7 × 7 with stride 2, the largest of each 3 × 3 window with stride 2 (of 224 × 224
/// pixels, 56 × 56 are left), four stages
/// of blocks relu(x + branch(x)) (the first block of all but the first stage has stride 2, in its
/// 3 × 3 convolution), the mean of each channel, and a classifier: [`resnet_nodes`] layers. All
/// convolutions have norms, and skip connections get to more channels by 1 × 1 convolutions.
#[track_caller]
pub const fn resnet<const N: usize>(g: Graph<N>, net: ResNet) -> Graph<N> {
    let mut g = stem(g, net.width);
    let (mut stage, mut width) = (0, net.width);
    while stage < 4 {
        let mut block = 0;
        while block < net.blocks[stage] && block < N {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            g = residual_block(g, net, stage, width, stride);
            block += 1;
        }
        width = width.saturating_mul(2);
        stage += 1;
    }
    g.global_average_pool().dense(net.classes).role(Role::Head).name("fc").cross_entropy(0.0)
}

#[track_caller]
const fn stem<const N: usize>(g: Graph<N>, width: u32) -> Graph<N> {
    let conv = Conv2d { stride: [2, 2], bias: false, ..Conv2d::same(width, 7) };
    g.then(Layer::Conv2d(conv))
        .name("conv1")
        .batch_norm()
        .name("bn1")
        .relu()
        .then(Layer::MaxPool(MaxPool { kernel: [3, 3], stride: [2, 2], padding: [1, 1] }))
}

#[track_caller]
const fn residual_block<const N: usize>(
    mut g: Graph<N>,
    net: ResNet,
    stage: usize,
    width: u32,
    stride: u32,
) -> Graph<N> {
    let (mut skip, before) = (g.here(), channels(&g));
    let out = width.saturating_mul(net.block.expansion());
    let convolutions = net.block.convolutions();
    let mut i = 0;
    while i < convolutions {
        let last = i + 1 == convolutions;
        let (kernel, stride) = match (net.block, i) {
            (Block::Basic, 0) => (3, stride),
            (Block::Basic, _) => (3, 1),
            (Block::Bottleneck, 1) => (3, stride),
            (Block::Bottleneck, _) => (1, 1),
        };
        g = bare_conv(g, if last { out } else { width }, kernel, stride)
            .role(if last { Role::BranchEnd } else { Role::Branch })
            .name(conv_name(stage, i))
            .batch_norm()
            .name(norm_name(stage, i));
        if !last {
            g = g.relu();
        }
        i += 1;
    }
    if net.reduction > 0 {
        g = excite(g, net.reduction, stage);
    }
    let branch = g.here();
    if stride != 1 || before != out {
        g = bare_conv(g.at(skip), out, 1, stride)
            .role(Role::Skip)
            .name(in_stage!(stage, "downsample.0"))
            .batch_norm()
            .name(in_stage!(stage, "downsample.1"));
        skip = g.here();
        g = g.at(branch);
    }
    g.add(skip).relu()
}

/// Each channel times σ(W₂ relu(W₁ z)), z the means of the channels (Hu et al. 2018, eq. 3).
#[track_caller]
const fn excite<const N: usize>(g: Graph<N>, reduction: u32, stage: usize) -> Graph<N> {
    let (branch, channels) = (g.here(), channels(&g));
    let few = channels / reduction;
    let g = g
        .global_average_pool()
        .dense(few)
        .name(in_stage!(stage, "se_module.fc1"))
        .relu()
        .dense(channels)
        .name(in_stage!(stage, "se_module.fc2"))
        .sigmoid();
    let scales = g.here();
    g.at(branch).scale_channels(scales)
}
