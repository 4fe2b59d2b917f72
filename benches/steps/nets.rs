//! The networks that are compared, by the names that all programs of `benches/peers` know.

use idinit::graph::Graph;
use idinit::model::{
    self, Activation, Cell, CifarResNet, Gpt, LINEAR_5, Norm, TextCnn, TextRnn, Vit,
};
use idinit::shape::Shape;
use idinit::update::{AdaDelta, AdamW, Chosen, Momentum};

/// Room for the layers of ResNet-110.
pub const ROOM: usize = 400;

/// All of them; `resnetD` and `resnetD-bn` stand for any depth D. `textrnn`, `textgru` and `textlstm`
/// are known to this program alone.
pub const NAMES: [&str; 6] = ["linear5", "resnet20-bn", "resnet20", "gpt", "textcnn", "vit"];

/// A network, how it is trained, and on what.
pub struct Setting {
    pub graph: Graph<ROOM>,
    pub batch: usize,
    pub update: Chosen,
    /// Inputs are tokens below this number; 0: they are real numbers.
    pub vocabulary: u32,
    /// Labels are below this number.
    pub classes: u32,
}

/// The setting of that name.
pub fn named(name: &str) -> Option<Setting> {
    let sgd = Chosen::Momentum(Momentum { momentum: 0.9, decay: 5e-4, nesterov: false });
    let adamw = Chosen::AdamW(AdamW::default());
    let picture =
        |graph, batch, update| Setting { graph, batch, update, vocabulary: 0, classes: 10 };
    Some(match name {
        "linear5" => {
            let input = Graph::input(Shape::vector(784));
            picture(model::mlp(input, &LINEAR_5, Activation::Relu, 10), 128, sgd)
        }
        "gpt" => {
            let net = Gpt { layers: 4, width: 128, heads: 4, ..Gpt::LAYERS_8 };
            let graph = model::gpt(Graph::input(Shape::hwc(1, 64, 1)), net);
            let vocabulary = net.vocabulary;
            Setting { graph, batch: 32, update: adamw, vocabulary, classes: vocabulary }
        }
        "textcnn" => {
            let graph = model::text_cnn(Graph::input(Shape::hwc(1, 56, 1)), TextCnn::KIM);
            let update = Chosen::AdaDelta(AdaDelta::default());
            let vocabulary = TextCnn::KIM.vocabulary;
            Setting { graph, batch: 50, update, vocabulary, classes: TextCnn::KIM.classes }
        }
        "textrnn" => text_rnn(Cell::Plain),
        "textgru" => text_rnn(Cell::Gru),
        "textlstm" => text_rnn(Cell::Lstm),
        "vit" => picture(model::vit(Graph::input(Shape::hwc(32, 32, 3)), Vit::CIFAR), 64, adamw),
        _ => {
            let depth = name.strip_prefix("resnet")?;
            let (depth, norm) = match depth.strip_suffix("-bn") {
                Some(depth) => (depth, Norm::Batch),
                None => (depth, Norm::None),
            };
            let net = CifarResNet { norm, ..CifarResNet::DEPTH_20 };
            let net = net.with_depth(depth.parse().ok()?)?;
            if model::cifar_resnet_nodes(net) > ROOM {
                return None;
            }
            picture(model::cifar_resnet(Graph::input(Shape::hwc(32, 32, 3)), net), 128, sgd)
        }
    })
}

/// Texts of 56 words, read from both ends.
fn text_rnn(cell: Cell) -> Setting {
    let net = TextRnn { cell, ..TextRnn::SMALL };
    let graph = model::text_rnn(Graph::input(Shape::hwc(1, 56, 1)), net);
    let update = Chosen::AdamW(AdamW::default());
    Setting { graph, batch: 50, update, vocabulary: net.vocabulary, classes: net.classes }
}
