//! Roles of tensors by name and sizes, on the keys of real libraries (`tests/golden/keys`), against the
//! roles that this crate's own networks have, and against lists by hand.
#![cfg(feature = "safetensors")]

use idinit::exchange::roles::{Role, Roles, roles};
use idinit::exchange::safetensors::{Dtype, Item};
use idinit::exchange::{Content, Names, entries};
use idinit::graph;
use idinit::layer::PartKind;
use idinit::recipe::list::Part;
use idinit::recipe::{Recipe, zoo};
use std::fs;
use std::path::Path;

/// The keys of a model.
fn keys(name: &str) -> Vec<Item> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/keys");
    let text = fs::read_to_string(root.join(format!("{name}.txt"))).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let items: Vec<Item> = lines
        .map(|line| {
            let [name, dtype, shape] = line.split(' ').collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let dtype = match dtype {
                "f32" => Dtype::F32,
                "i64" => Dtype::I64,
                other => panic!("{other}"),
            };
            let shape = match shape {
                "-" => vec![],
                sizes => sizes.split('x').map(|size| size.parse().unwrap()).collect(),
            };
            Item { name: name.to_string(), dtype, shape }
        })
        .collect();
    assert!(items.len() > 10, "{name}");
    items
}

/// The names of the tensors that play a part, without what is the same in all of them.
fn of(items: &[Item], roles: &Roles, part: Part) -> Vec<String> {
    let all = items.iter().zip(&roles.guesses);
    let play = all.filter(|(_, guess)| guess.role == Role::Start(part));
    play.map(|(item, _)| item.name.clone()).collect()
}

/// Prints all roles, for whoever changes the rules: `cargo test --test roles -- --nocapture`.
fn print(name: &str, items: &[Item], roles: &Roles) {
    println!("{name}: relu {}, attention {}", roles.relu, roles.attention);
    for (item, guess) in items.iter().zip(&roles.guesses) {
        println!(
            "  {:60} {:?} {} ({}){}{}",
            item.name,
            item.shape,
            guess.role.name(),
            guess.why,
            if guess.transposed { ", transposed" } else { "" },
            if guess.first { ", first" } else { "" }
        );
    }
}

/// The networks of this crate mark their roles themselves.
#[test]
fn the_roles_of_networks_of_this_crate_are_found_again() {
    for (list, line, names) in [
        ("torchvision-resnet18", "idinit/1 resnet18 idinit", Names::Torchvision),
        ("torchvision-resnet34", "idinit/1 resnet34 idinit", Names::Torchvision),
        ("torchvision-resnet50", "idinit/1 resnet50 idinit", Names::Torchvision),
        ("torchvision-resnet101", "idinit/1 resnet101 idinit", Names::Torchvision),
        ("torchvision-resnet152", "idinit/1 resnet152 idinit", Names::Torchvision),
        ("timm-resnet50", "idinit/1 resnet50 idinit", Names::Timm),
        ("timm-seresnet50", "idinit/1 se-resnet50 idinit", Names::Timm),
        ("torchvision-vit_b_32", "idinit/1 vit-b32 idinit", Names::Torchvision),
        ("timm-vit_base_patch32_224", "idinit/1 vit-b32 idinit", Names::Timm),
        (
            "transformers-gpt2",
            "idinit/1 gpt layers=12 width=768 heads=12 context=1024 vocabulary=50257 idinit",
            Names::Transformers,
        ),
    ] {
        let items = keys(list);
        let found = roles(&items);
        print(list, &items, &found);
        let (_, network) = zoo::network(&Recipe::<64>::parse(line).unwrap()).unwrap();
        let own = entries(network.model.nodes(), names).unwrap();
        assert_eq!(own.len(), items.len(), "{list}");
        for (item, guess) in items.iter().zip(&found.guesses) {
            let entry = own.iter().find(|entry| entry.name == item.name).unwrap();
            assert_eq!(entry.shape, item.shape, "{}", item.name);
            let Content::Weight(tensor, layout) = entry.content else {
                assert_eq!(guess.role, Role::Keep, "{}", item.name);
                continue;
            };
            let want = match (tensor.part.kind, tensor.node.role) {
                (PartKind::Table, _) => Part::Table,
                (PartKind::Gain | PartKind::RunningVariance, _) => Part::One,
                (PartKind::Bias | PartKind::RunningMean, _) => Part::Zero,
                (_, graph::Role::Branch) => Part::Branch,
                (_, graph::Role::BranchEnd) => Part::End,
                (_, graph::Role::Skip) => Part::Skip,
                (_, graph::Role::Head) => Part::Head,
                _ => Part::Main,
            };
            assert_eq!(guess.role, Role::Start(want), "{list}: {}", item.name);
            let turned = layout == idinit::exchange::Layout::Transposed;
            assert_eq!(guess.transposed, turned, "{list}: {}", item.name);
        }
        let relu = network.model.nodes().iter().any(|node| node.layer.kind().name() == "relu");
        assert_eq!(found.relu, relu, "{list}");
    }
}

/// Files of safetensors are sorted by name, and nothing depends on it.
#[test]
fn the_order_of_a_file_says_nothing() {
    for list in
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/keys")).unwrap()
    {
        let list = list.unwrap().path();
        let mut items = keys(list.file_stem().unwrap().to_str().unwrap());
        let told = |items: &[Item]| {
            let Roles { guesses, relu, attention } = roles(items);
            let names = items.iter().map(|item| item.name.clone());
            let all: std::collections::BTreeMap<_, _> = names.zip(guesses).collect();
            (all, relu, attention)
        };
        let want = told(&items);
        items.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(told(&items), want, "{list:?}, sorted");
        items.reverse();
        assert_eq!(told(&items), want, "{list:?}, reversed");
    }
}

/// The items of a model of these tensors.
fn items(tensors: &[(&str, &[usize])]) -> Vec<Item> {
    let item = |(name, shape): &(&str, &[usize])| Item {
        name: name.to_string(),
        dtype: Dtype::F32,
        shape: shape.to_vec(),
    };
    tensors.iter().map(item).collect()
}

/// The names of those that play a part.
fn play(tensors: &[(&str, &[usize])], part: Part) -> Vec<String> {
    let items = items(tensors);
    of(&items, &roles(&items), part)
}

/// Names and sizes of models that differ in how they are built: as their libraries have them.
#[test]
fn models_that_are_built_otherwise() {
    let ends = |tensors| play(tensors, Part::End);
    // torchvision's EfficientNet: expansion, depthwise, squeeze-and-excitation, projection
    let efficient: &[(&str, &[usize])] = &[
        ("features.0.0.weight", &[32, 3, 3, 3]),
        ("features.2.0.block.0.0.weight", &[96, 16, 1, 1]),
        ("features.2.0.block.1.0.weight", &[96, 1, 3, 3]),
        ("features.2.0.block.2.fc1.weight", &[4, 96, 1, 1]),
        ("features.2.0.block.2.fc2.weight", &[96, 4, 1, 1]),
        ("features.2.0.block.3.0.weight", &[24, 96, 1, 1]),
        ("classifier.1.weight", &[1000, 1280]),
    ];
    assert_eq!(ends(efficient), ["features.2.0.block.3.0.weight"]);
    assert_eq!(play(efficient, Part::Head), ["classifier.1.weight"]);
    // torchvision's MobileNetV2 and ConvNeXt, timm's RegNet
    assert_eq!(
        ends(&[
            ("features.2.conv.0.0.weight", &[96, 16, 1, 1]),
            ("features.2.conv.1.0.weight", &[96, 1, 3, 3]),
            ("features.2.conv.2.weight", &[24, 96, 1, 1]),
        ]),
        ["features.2.conv.2.weight"]
    );
    assert_eq!(
        ends(&[
            ("features.1.0.block.0.weight", &[96, 1, 7, 7]),
            ("features.1.0.block.3.weight", &[384, 96]),
            ("features.1.0.block.5.weight", &[96, 384]),
        ]),
        ["features.1.0.block.5.weight"]
    );
    assert_eq!(
        ends(&[
            ("s1.b1.conv1.conv.weight", &[48, 32, 1, 1]),
            ("s1.b1.conv2.conv.weight", &[48, 8, 3, 3]),
            ("s1.b1.conv3.conv.weight", &[48, 48, 1, 1]),
            ("s1.b1.se.fc1.weight", &[8, 48, 1, 1]),
            ("s1.b1.downsample.conv.weight", &[48, 32, 1, 1]),
        ]),
        ["s1.b1.conv3.conv.weight"]
    );
    // what has "embed" or "cls" in its name, and is no table
    let no_tables: &[(&str, &[usize])] = &[
        ("gpt_neox.embed_in.weight", &[50304, 512]),
        ("embed_out.weight", &[50304, 512]),
        ("class_embed.weight", &[92, 256]),
        ("roi_heads.box_predictor.cls_score.weight", &[91, 1024]),
        ("x_embedder.proj.weight", &[1152, 4, 2, 2]),
        ("mlp.shared_expert_gate.weight", &[1, 2048]),
        ("encoder.embedding_hidden_mapping_in.weight", &[768, 128]),
    ];
    assert_eq!(play(no_tables, Part::Table), ["gpt_neox.embed_in.weight"]);
    // a plain network without names: the last matrix is the classifier
    let plain: &[(&str, &[usize])] =
        &[("0.weight", &[16, 1, 3, 3]), ("3.weight", &[32, 16, 3, 3]), ("10.weight", &[10, 32])];
    assert_eq!(play(plain, Part::Head), ["10.weight"]);
}

#[test]
fn groups_are_found_where_a_kernel_sees_a_part() {
    let groups = |tensors: &[(&str, &[usize])]| -> Vec<u32> {
        roles(&items(tensors)).guesses.iter().map(|guess| guess.groups).collect()
    };
    // ResNeXt-50 32x4d, and a ResNet
    let next: &[(&str, &[usize])] = &[
        ("conv1.weight", &[64, 3, 7, 7]),
        ("layer1.0.conv1.weight", &[128, 64, 1, 1]),
        ("layer1.0.conv2.weight", &[128, 4, 3, 3]),
        ("layer1.0.conv3.weight", &[256, 128, 1, 1]),
        ("layer1.0.downsample.0.weight", &[256, 64, 1, 1]),
    ];
    assert_eq!(groups(next), [1, 1, 32, 1, 1]);
    assert_eq!(
        groups(&[("b.0.conv1.weight", &[8, 8, 3, 3]), ("b.0.conv2.weight", &[8, 8, 3, 3])]),
        [1, 1]
    );
    // a stem of one channel is no depthwise kernel
    assert_eq!(
        groups(&[("conv1.weight", &[6, 1, 5, 5]), ("conv2.weight", &[16, 6, 5, 5])]),
        [1, 1]
    );
    // gates of an LSTM, of a GRU, and of an LSTM whose state is projected
    let recurrent = |rows, state, cell| {
        let mut all: Vec<(&str, Vec<usize>)> =
            vec![("rnn.weight_ih_l0", vec![rows, 5]), ("rnn.weight_hh_l0", vec![rows, state])];
        if cell != state {
            all.push(("rnn.weight_hr_l0", vec![state, cell]));
        }
        let all: Vec<(&str, &[usize])> =
            all.iter().map(|(name, shape)| (*name, &shape[..])).collect();
        groups(&all)
    };
    assert_eq!(recurrent(32, 8, 8), [4, 4]);
    assert_eq!(recurrent(24, 8, 8), [3, 3]);
    assert_eq!(recurrent(64, 4, 16)[..2], [4, 4]);
}

#[test]
fn the_first_layer_is_the_stem() {
    for (list, want) in [
        ("torchvision-resnet50", Some("conv1.weight")),
        ("timm-seresnet50", Some("conv1.weight")),
        ("timm-mobilenetv3_large_100", Some("conv_stem.weight")),
        ("timm-convnext_tiny", Some("stem.0.weight")),
        ("torchvision-vit_b_32", Some("conv_proj.weight")),
        ("timm-vit_base_patch32_224", Some("patch_embed.proj.weight")),
        ("transformers-gpt2", None),
        ("transformers-bert-base", None),
        ("transformers-llama-grouped", None),
    ] {
        let items = keys(list);
        let found = roles(&items);
        let mut first = items.iter().zip(&found.guesses).filter(|(_, guess)| guess.first);
        assert_eq!(first.next().map(|(item, _)| item.name.as_str()), want, "{list}");
        assert!(first.next().is_none());
    }
}

/// The ends of branches and the head of models that this crate does not have.
#[test]
fn the_ends_of_other_models() {
    for (list, ends, each, head) in [
        ("transformers-bert-base", &["attention.output.dense", "output.dense"][..], 24, None),
        (
            "transformers-bert-base-classifier",
            &["attention.output.dense", "output.dense"],
            24,
            Some("classifier.weight"),
        ),
        (
            "transformers-llama-grouped",
            &["self_attn.o_proj", "mlp.down_proj"],
            4,
            Some("lm_head.weight"),
        ),
        (
            "transformers-t5-small",
            &["SelfAttention.o", "EncDecAttention.o", "DenseReluDense.wo"],
            30,
            Some("lm_head.weight"),
        ),
        ("timm-convnext_tiny", &["mlp.fc2"], 18, Some("head.fc.weight")),
        (
            "timm-mobilenetv3_large_100",
            &["conv_pwl", "blocks.0.0.conv_pw"],
            15,
            Some("classifier.weight"),
        ),
        ("transformers-gpt2-saved", &["attn.c_proj", "mlp.c_proj"], 24, None),
    ] {
        let items = keys(list);
        let found = roles(&items);
        print(list, &items, &found);
        let all = of(&items, &found, Part::End);
        for name in &all {
            let module = name.strip_suffix(".weight").unwrap();
            assert!(ends.iter().any(|end| module.ends_with(end)), "{list}: {name}");
        }
        assert_eq!(all.len(), each, "{list}: {all:?}");
        let heads = of(&items, &found, Part::Head);
        assert_eq!(heads.first().map(String::as_str), head, "{list}");
        assert!(heads.len() <= 1, "{list}: {heads:?}");
    }
}

#[test]
fn what_is_not_float_or_unknown_is_kept() {
    let item = |name: &str, dtype, shape: &[usize]| Item {
        name: name.to_string(),
        dtype,
        shape: shape.to_vec(),
    };
    let items = [
        item("bn.num_batches_tracked", Dtype::I64, &[]),
        item("h.0.attn.bias", Dtype::F32, &[1, 1, 64, 64]),
        item("logit_scale", Dtype::F32, &[]),
        item("a.weight", Dtype::F32, &[2, 2, 2, 2, 2]),
    ];
    for guess in roles(&items).guesses {
        assert_eq!(guess.role, Role::Keep);
    }
}
