//! The networks by name: as many parameters as are published or as PyTorch counts, as many layers as
//! are announced, a plan for each, and roles where the paper has them.

#![cfg(feature = "std")]

use idinit::graph::{Graph, Node, Role, Value};
use idinit::layer::{Kind, Padding};
use idinit::loss::Loss;
use idinit::model::catalog::{self, CatalogError, Chosen, Network, Task};
use idinit::model::*;
use idinit::plan::{Mode, Plan};
use idinit::shape::Shape;
use idinit::update::Momentum;
use std::time::Instant;

const CIFAR: Shape = Shape::hwc(32, 32, 3);

/// A network of the catalogue for its own data set.
fn network(name: &str, chosen: &[(&str, &str)]) -> Result<Network, CatalogError> {
    let entry = catalog::find(name).unwrap();
    entry.network(Task::of(entry.habits.data).unwrap(), chosen.iter().copied(), 0.0)
}

fn good(name: &str, chosen: &[(&str, &str)]) -> Network {
    network(name, chosen).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn parameters_are_as_many_as_are_published() {
    let published = [
        // torchvision's documentation of its weights
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("resnet101", 44_549_160),
        ("resnet152", 60_192_808),
        ("vit-b32", 88_224_232),
        // Hu et al. 2018: 28.1 M; timm's legacy_seresnet50
        ("se-resnet50", 28_088_024),
        // He et al. 2016, Table 6: 0.27 M
        ("resnet", 269_722),
        // Springenberg et al. 2015, Table 3: 1.4 M
        ("allconv", 1_369_738),
        // by hand: 785 · 512 + 3 · 513 · 512 + 513 · 10
        ("linear5", 1_195_018),
        ("linear5-tanh", 1_195_018),
    ];
    for (name, parameters) in published {
        assert_eq!(good(name, &[]).model.parameters(), parameters, "{name}");
    }
    // He et al. 2016, Table 6: 0.46 M, 0.66 M, 0.85 M, 1.7 M, 19.4 M
    for (depth, parameters) in [
        ("32", 464_154),
        ("44", 658_586),
        ("56", 853_018),
        ("110", 1_727_962),
        ("1202", 19_421_274),
    ] {
        assert_eq!(good("resnet", &[("depth", depth)]).model.parameters(), parameters, "{depth}");
    }
}

/// `tests/golden/make_parameters.py` has made the list.
#[test]
fn parameters_are_as_many_as_pytorch_counts() {
    let list = include_str!("golden/parameters.txt");
    for line in list.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let [name, settings @ .., parameters] = words.as_slice() else { panic!("{line}") };
        let settings: Vec<_> = settings.iter().map(|word| word.split_once('=').unwrap()).collect();
        let parameters: u64 = parameters.parse().unwrap();
        assert_eq!(good(name, &settings).model.parameters(), parameters, "{line}");
    }
    assert!(list.lines().count() > 70);
    // the formula for GPT, and any depth
    for layers in [1, 8, 96] {
        let net = Gpt { layers, ..Gpt::LAYERS_8 };
        let layers = layers.to_string();
        let made = good("gpt", &[("layers", &layers), ("context", "77")]);
        assert_eq!(made.model.parameters(), net.parameters(77));
    }
}

const RESNET: CifarResNet =
    CifarResNet { norm: Norm::None, scalars: Scalars::Fixup, ..CifarResNet::DEPTH_20 };
static FIXUP_20: Graph<{ cifar_resnet_nodes(RESNET) }> = cifar_resnet(Graph::input(CIFAR), RESNET);
static VIT: Graph<{ vit_nodes(Vit::CIFAR) }> = vit(Graph::input(CIFAR), Vit::CIFAR);
static SE_50: Graph<{ resnet_nodes(ResNet::SE_50) }> =
    resnet(Graph::input(Shape::hwc(64, 64, 3)), ResNet::SE_50);
static TEXT_CNN: Graph<{ text_cnn_nodes(TextCnn::KIM) }> =
    text_cnn(Graph::input(Shape::hwc(1, 20, 1)), TextCnn::KIM);
const WORDS: TextTransformer = TextTransformer::SMALL;
static CLASSIFIER: Graph<{ text_transformer_nodes(WORDS) }> =
    text_transformer(Graph::input(Shape::hwc(1, 20, 1)), WORDS);

/// He et al. 2016, Table 1: 112, 56, 28, 14 and 7 pixels a side.
#[test]
fn a_network_for_imagenet_halves_its_pictures_to_seven_pixels() {
    const NODES: usize = resnet_nodes(ResNet::DEPTH_18);
    let net: Graph<NODES> = resnet(Graph::input(Shape::hwc(224, 224, 3)), ResNet::DEPTH_18);
    let mut heights: Vec<u32> = net.nodes().iter().map(|node| node.output.height).collect();
    heights.sort_by(|a, b| b.cmp(a));
    heights.dedup();
    assert_eq!(heights, [112, 56, 28, 14, 7, 1]);
}

#[test]
fn the_compiler_builds_the_same_networks() {
    assert_eq!(
        FIXUP_20.nodes(),
        good("resnet", &[("norm", "none"), ("fixup", "yes")]).model.nodes()
    );
    assert_eq!(VIT.nodes(), good("vit", &[]).model.nodes());
    let words = [("words", "20")];
    assert_eq!(TEXT_CNN.nodes(), good("textcnn", &words).model.nodes());
    assert_eq!(CLASSIFIER.nodes(), good("transformer", &words).model.nodes());
    assert_eq!(SE_50.nodes().len(), good("se-resnet50", &[]).model.nodes().len());
    static PLAN: Plan<{ vit_nodes(Vit::CIFAR) }> = Plan::new(&VIT, Mode::train::<Momentum>(), 2);
    assert_eq!(PLAN.weights, 1_205_898);
}

/// A room of exactly as many layers as are announced is full.
fn exact<const N: usize>(build: impl Fn(Graph<N>) -> Graph<N>, input: Shape, announced: usize) {
    let graph = build(Graph::draft(input)).finish().unwrap();
    assert_eq!(graph.nodes().len(), announced, "{}", graph.nodes()[1].name);
}

#[test]
fn as_many_layers_as_are_announced() {
    use Widening::Zeros;
    for block in [Block::Basic, Block::Bottleneck] {
        for norm in [Norm::None, Norm::Batch] {
            for scalars in [Scalars::None, Scalars::Multiplier, Scalars::Fixup] {
                for widening in [Zeros(Padding::Behind), Zeros(Padding::Around), Widening::Conv] {
                    let rest = CifarResNet::DEPTH_20;
                    for blocks in [1, 2] {
                        let net = CifarResNet { blocks, block, norm, scalars, widening, ..rest };
                        exact::<256>(|g| cifar_resnet(g, net), CIFAR, cifar_resnet_nodes(net));
                    }
                }
            }
        }
    }
    for dropout in [0.0, 0.1] {
        let net = Vit { dropout, ..Vit::CIFAR };
        exact::<128>(|g| vit(g, net), CIFAR, vit_nodes(net));
        let line = Shape::hwc(1, 16, 1);
        let net = Gpt { dropout, ..Gpt::LAYERS_8 };
        exact::<128>(|g| gpt(g, net), line, gpt_nodes(net));
        let net = TextCnn { dropout, ..TextCnn::KIM };
        exact::<16>(|g| text_cnn(g, net), line, text_cnn_nodes(net));
        let net = TextTransformer { dropout, ..TextTransformer::SMALL };
        exact::<32>(|g| text_transformer(g, net), line, text_transformer_nodes(net));
        for layers in [1, 3] {
            let net = TextRnn { dropout, layers, ..TextRnn::SMALL };
            exact::<16>(|g| text_rnn(g, net), line, text_rnn_nodes(net));
        }
    }
    for net in [ResNet::DEPTH_18, ResNet::DEPTH_50, ResNet::SE_50] {
        exact::<300>(|g| resnet(g, net), Shape::hwc(64, 64, 3), resnet_nodes(net));
    }
    for norm in [Norm::None, Norm::Batch] {
        let net = AllConv { norm, ..AllConv::PAPER };
        exact::<32>(|g| all_conv(g, net), CIFAR, all_conv_nodes(net));
    }
    let vector = Shape::vector(96);
    exact::<64>(|g| res_fc(g, 10), vector, res_fc_nodes(10));
    exact::<64>(|g| res_conv(g, 16, 10), CIFAR, res_conv_nodes(10));
    exact::<10>(fc, vector, FC.len());
}

#[test]
fn every_network_is_planned_for_inference_and_training() {
    for entry in catalog::ALL {
        let network = good(entry.name, &[]);
        let (input, output) = (network.model.input(), network.model.output());
        assert_eq!((input, output.channels), (network.task.input(), network.task.classes()));
        let infer = network.model.plan(Mode::INFER, 1).unwrap();
        let train = network.model.plan(Mode::train::<Momentum>(), 2).unwrap();
        let (infer, train) = (infer.net(), train.net());
        assert_eq!(infer.weights(), train.weights(), "{}", entry.name);
        assert_eq!(train.state() as u64, network.model.parameters(), "{}", entry.name);
        assert!(infer.arena() < train.arena(), "{}", entry.name);
        assert_eq!(infer.nodes(), network.model.nodes());
    }
}

#[test]
fn a_thousand_layers_take_no_time() {
    let chosen: [(&str, &[(&str, &str)]); 3] = [
        ("gpt", &[("layers", "96"), ("dropout", "0.1")]),
        ("resnet", &[("depth", "110"), ("norm", "none"), ("fixup", "yes")]),
        ("resnet", &[("depth", "1202")]),
    ];
    for (name, chosen) in chosen {
        let begun = Instant::now();
        let network = good(name, chosen);
        let built = begun.elapsed();
        network.model.plan(Mode::train::<Momentum>(), 1).unwrap();
        let (nodes, all) = (network.model.nodes().len(), begun.elapsed());
        println!("{name} of {nodes} nodes: built in {built:?}, planned in {:?}", all - built);
        // cubic work would take minutes
        assert!(all.as_secs() < 10, "{all:?}");
    }
}

/// The layers that take a value, and whether as their second operand.
fn users(nodes: &[Node], value: usize) -> impl Iterator<Item = (usize, bool)> {
    let is = move |operand: Value| operand.node() == Some(value);
    nodes.iter().enumerate().filter_map(move |(k, node)| {
        let second = node.second.is_some_and(is);
        (second || is(node.from)).then_some((k, second))
    })
}

#[test]
fn branches_end_at_sums_and_networks_in_a_head() {
    for entry in catalog::ALL {
        let network = good(entry.name, &[]);
        let nodes = network.model.nodes();
        let count = |role| nodes.iter().filter(|node| node.role == role).count();
        assert_eq!(count(Role::Head), 1, "{}", entry.name);
        let sums = nodes.iter().filter(|node| node.layer.kind() == Kind::Add).count();
        assert_eq!(count(Role::BranchEnd), sums, "{}", entry.name);
        for (k, _) in nodes.iter().enumerate().filter(|(_, node)| node.role == Role::BranchEnd) {
            // from the end of the branch on: norms, scalars, dropout, excitation, then the sum
            let mut at = k;
            while nodes[at].layer.kind() != Kind::Add {
                let next = users(nodes, at).last().unwrap().0;
                let passed = [
                    Kind::BatchNorm,
                    Kind::Multiplier,
                    Kind::ScalarBias,
                    Kind::Dropout,
                    Kind::ChannelScale,
                    Kind::Add,
                ];
                assert!(passed.contains(&nodes[next].layer.kind()), "{} {next}", entry.name);
                at = next;
            }
        }
    }
    // two branches a block, and one matrix for queries, keys and values
    let gpt = good("gpt", &[]);
    let roles = |role| gpt.model.nodes().iter().filter(move |node| node.role == role);
    assert_eq!((roles(Role::Branch).count(), roles(Role::BranchEnd).count()), (16, 16));
    assert!(roles(Role::Branch).any(|node| node.output.channels == 3 * 512));
}

#[test]
fn names_are_those_of_pytorch() {
    let keys = |name, chosen: &[_]| -> Vec<String> {
        let network = good(name, chosen);
        let nodes = network.model.nodes();
        let keys = (0..nodes.len()).map(|k| key(nodes, k).to_string());
        keys.filter(|key| !key.is_empty()).collect()
    };
    let resnet = keys("resnet18", &[]);
    assert_eq!(resnet[..4], ["conv1", "bn1", "layer1.0.conv1", "layer1.0.bn1"]);
    for key in ["layer1.1.bn2", "layer2.0.downsample.0", "layer4.0.downsample.1", "fc"] {
        assert_eq!(resnet.iter().filter(|there| *there == key).count(), 1, "{key}");
    }
    assert!(!resnet.iter().any(|key| key.starts_with("layer1.0.downsample")));
    assert_eq!(keys("resnet152", &[]).iter().filter(|key| key.ends_with("conv3")).count(), 50);
    let fixup = keys("resnet", &[("norm", "none"), ("fixup", "yes")]);
    for key in ["bias1", "layer3.2.bias1a", "layer3.2.bias2b", "layer3.2.scale", "bias2"] {
        assert!(fixup.iter().any(|there| there == key), "{key}");
    }
    let vit = keys("vit-b32", &[]);
    assert_eq!(vit[..3], ["conv_proj", "class_token", "encoder.pos_embedding"]);
    assert!(vit.contains(&"encoder.layers.encoder_layer_11.mlp.3".to_string()));
    assert!(keys("gpt", &[]).contains(&"transformer.h.7.attn.c_proj".to_string()));
    // no two layers have one name
    for entry in catalog::ALL {
        let mut all = keys(entry.name, &[]);
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "{}", entry.name);
    }
}

#[test]
fn what_is_chosen_is_told() {
    let network = good("gpt", &[("context", "64"), ("dropout", "0.25")]);
    let task = Task::Language { context: 64, vocabulary: 256 };
    assert_eq!(network.task, task);
    let chosen = |name| network.options.iter().find(|(setting, _)| setting.name == name).unwrap().1;
    assert_eq!(chosen("context"), &Chosen::Count(64));
    // what nobody chose is the data's
    assert_eq!(chosen("vocabulary"), &Chosen::Count(256));
    assert_eq!(chosen("dropout"), &Chosen::Share(0.25));
    let entry = catalog::find("vit").unwrap();
    let smooth = entry.network(Task::of("cifar10").unwrap(), [], 0.1).unwrap();
    assert_eq!(smooth.model.loss(), Loss::CrossEntropy { smoothing: 0.1 });
}

#[test]
fn what_cannot_be_is_an_error_that_says_what_can() {
    let cases: &[(&str, (&str, &str), &str)] = &[
        ("resnet", ("depth", "21"), "--depth is 6n+2: 8, 14, 20, 32, 44, 56, 110, …, not 21"),
        ("resnet", ("depth", "2"), "not 2"),
        ("resnet", ("heads", "2"), "resnet takes no --heads; it takes --depth, --width"),
        ("linear5-tanh", ("width", "2"), "takes no --width; nothing can be chosen about it"),
        ("resnet", ("norm", "layer"), "--norm is one of batch, none, not 'layer'"),
        ("resnet", ("depth", "-1"), "--depth is a whole number, not '-1'"),
        ("resnet", ("fixup", "perhaps"), "--fixup is yes or no, not 'perhaps'"),
        ("resnet", ("depth", "9002"), "more layers than room for them (6144)"),
        ("residual", ("blocks", "4294967295"), "more layers than room for them (6144)"),
        ("gpt", ("layers", "4294967295"), "more layers than room for them (6144)"),
        ("textrnn", ("layers", "4294967295"), "more layers than room for them (6144)"),
        ("gpt", ("heads", "7"), "heads that divide d (layer 4, input 1×128×1536)"),
        ("gpt", ("width", "4294967295"), "too large"),
        ("gpt", ("dropout", "1"), "--dropout is a number from 0 to less than 1, not '1'"),
        ("gpt", ("vocabulary", "0"), "zero"),
        ("textcnn", ("kernels", "3,4"), "--kernels are three numbers"),
        ("textcnn", ("words", "4"), "the kernel is larger than the padded input"),
        ("textrnn", ("layers", "0"), "--layers is at least 1, not 0"),
        ("vit", ("patch", "33"), "the kernel is larger than the padded input"),
        ("se-resnet50", ("reduction", "4294967295"), "zero"),
        ("mlp", ("hidden", "32,,32"), "--hidden is whole numbers between commas, not '32,,32'"),
    ];
    for (name, chosen, words) in cases {
        let error = network(name, &[*chosen]).err().unwrap().to_string();
        assert!(error.contains(words), "{name} {chosen:?}: {error}");
    }
    let digits = Task::of("digits").unwrap();
    let error = catalog::find("gpt").unwrap().network(digits, [], 0.0).err().unwrap().to_string();
    assert_eq!(error, "gpt is for plain text, not for pictures");
    assert!(catalog::find("resnet-20").is_none());
}

/// Whoever plans on a small stack is not in danger.
#[test]
fn a_small_stack_is_enough() {
    let small = std::thread::Builder::new().stack_size(128 << 10);
    let thread =
        small.spawn(|| good("gpt", &[("layers", "96")]).model.plan(Mode::INFER, 1).is_ok());
    assert!(thread.unwrap().join().unwrap());
}

#[test]
fn habits_are_settings_that_there_are() {
    for entry in catalog::ALL {
        let habits = entry.habits;
        assert!(Task::of(habits.data).is_some(), "{}", entry.name);
        assert!(habits.schedule.parse::<idinit::train::Schedule>().is_ok(), "{}", entry.name);
        let updates = ["sgd", "adam", "adamw", "adadelta", "adagrad"];
        assert!(updates.contains(&habits.update), "{}", entry.name);
        assert!(habits.epochs > habits.warm_up && habits.batch > 0 && habits.rate > 0.0);
        assert_eq!(catalog::find(entry.name).unwrap().about, entry.about);
    }
}
