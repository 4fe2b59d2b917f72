//! The list of all networks. Numbers that a paper has are its own.

use super::design;
use super::settings::{self as by, Setting};
use super::{Entry, Habits, Wants};
use crate::model::ResNet;

const HABITS: Habits = Habits {
    data: "digits",
    epochs: 10,
    batch: 16,
    rate: 0.05,
    schedule: "linear",
    warm_up: 0,
    update: "sgd",
    momentum: 0.9,
    decay: 5e-4,
    smoothing: 0.0,
    augment: &[],
};

/// Appendix C.1: its rate, momentum, decay and schedule are the paper's; the paper runs 30 epochs.
const LINEAR: Habits =
    Habits { data: "mnist", epochs: 5, batch: 128, rate: 0.1, schedule: "cosine", ..HABITS };

/// §4.3 and B.3 (ResNet-20). §4.2 has the rate 0.2 for ResNet-56 and ResNet-110, without mixup.
const CIFAR: Habits = Habits {
    data: "cifar10",
    epochs: 200,
    batch: 128,
    rate: 0.1,
    schedule: "cosine",
    augment: &["crop", "flip", "mixup"],
    ..HABITS
};

/// §4.1 and B.1, which compares warm-ups of 0 to 60 epochs.
const ALL_CONV: Habits = Habits { epochs: 300, warm_up: 10, augment: &["crop", "flip"], ..CIFAR };

/// §4.5 and B.5; the paper's batch is 1024.
const IMAGENET: Habits = Habits {
    data: "imagenet",
    epochs: 90,
    batch: 256,
    rate: 0.1,
    schedule: "cosine",
    warm_up: 9,
    decay: 1e-4,
    smoothing: 0.1,
    augment: &["crop", "flip", "mixup", "cutmix"],
    ..HABITS
};

/// §4.5 and B.5; the paper's batch is 1024.
const VIT_B_32: Habits = Habits {
    epochs: 300,
    warm_up: 30,
    rate: 1e-3,
    update: "adamw",
    momentum: 0.0,
    decay: 5e-2,
    ..IMAGENET
};

/// ViT-B/32's, with fewer epochs and examples.
const VIT_CIFAR: Habits = Habits {
    data: "cifar10",
    epochs: 100,
    batch: 64,
    warm_up: 10,
    augment: &["crop", "flip"],
    ..VIT_B_32
};

/// §4.6 and B.6: the rate and the decay; the paper's batch is 1536, and 20,000 steps of 70,000 warm
/// up.
const GPT: Habits = Habits {
    data: "text",
    epochs: 10,
    batch: 32,
    rate: 1e-3,
    schedule: "cosine",
    warm_up: 1,
    update: "adam",
    momentum: 0.0,
    ..HABITS
};

/// §4.4 and B.4; the batch is Kim's (2014, §3.1).
const TEXT: Habits = Habits {
    data: "sst2",
    batch: 50,
    rate: 1.0,
    schedule: "constant",
    update: "adadelta",
    momentum: 0.0,
    decay: 0.0,
    ..HABITS
};

const IMAGENET_SETTINGS: &[(Setting, &str)] = &[(by::WIDTH, "64"), (by::REDUCTION, "0")];

const fn imagenet(name: &'static str, about: &'static str, make: design::Make) -> Entry {
    let (settings, habits, wants) = (IMAGENET_SETTINGS, IMAGENET, Wants::Pictures);
    Entry { name, about, settings, habits, wants, make }
}

/// Every network of the catalogue.
pub const ALL: &[Entry] = &[
    Entry {
        name: "residual",
        about: "residual blocks of 3×3 convolutions, without norms",
        settings: &[(by::WIDTH, "8"), (by::BLOCKS, "6")],
        habits: HABITS,
        wants: Wants::Pictures,
        make: design::residual,
    },
    Entry {
        name: "mlp",
        about: "fully connected layers, 64-32-32-10 on the digits",
        settings: &[(by::HIDDEN, "32,32"), (by::ACTIVATION, "relu")],
        habits: HABITS,
        wants: Wants::Pictures,
        make: design::mlp,
    },
    Entry {
        name: "cnn",
        about: "two 3×3 convolutions, a maximum and a classifier",
        settings: &[(by::WIDTH, "8")],
        habits: HABITS,
        wants: Wants::Pictures,
        make: design::cnn,
    },
    Entry {
        name: "linear5",
        about: "784-512-512-512-512-10, for MNIST (Appendix C.1)",
        settings: &[(by::ACTIVATION, "relu")],
        habits: LINEAR,
        wants: Wants::Pictures,
        make: design::linear_5,
    },
    Entry {
        name: "linear5-tanh",
        about: "784-512-512-512-512-10 with tanh, for MNIST (Appendix C.1)",
        settings: &[],
        habits: LINEAR,
        wants: Wants::Pictures,
        make: design::linear_5_tanh,
    },
    Entry {
        name: "fc",
        about: "ten fully connected layers 200…1000…200 without activations, and a classifier (C.2)",
        settings: &[],
        habits: Habits { rate: 0.002, ..HABITS },
        wants: Wants::Pictures,
        make: design::fc,
    },
    Entry {
        name: "resfc",
        about: "residual blocks of two fully connected layers without activations (C.2)",
        settings: &[(by::WIDTH, "96"), (by::BLOCKS, "10")],
        habits: Habits { rate: 0.01, ..HABITS },
        wants: Wants::Pictures,
        make: design::res_fc,
    },
    Entry {
        name: "resconv",
        about: "residual blocks of 3×3 convolutions, and the mean of each channel (C.2)",
        settings: &[(by::WIDTH, "16"), (by::BLOCKS, "10")],
        habits: HABITS,
        wants: Wants::Pictures,
        make: design::res_conv,
    },
    Entry {
        name: "allconv",
        about: "All-CNN-C, nine convolutions and no other weights (Table 4)",
        settings: &[(by::WIDTH, "96"), (by::NORM, "none")],
        habits: ALL_CONV,
        wants: Wants::Pictures,
        make: design::all_conv,
    },
    Entry {
        name: "resnet",
        about: "ResNet for CIFAR: 8, 20, 32, 44, 56, 110 layers and more (§4.2, §4.3)",
        settings: &[
            (by::DEPTH, "20"),
            (by::WIDTH, "16"),
            (by::NORM, "batch"),
            (by::SHORTCUT, "zeros"),
            (by::MULTIPLIER, "no"),
            (by::FIXUP, "no"),
            (by::BOTTLENECK, "no"),
        ],
        habits: CIFAR,
        wants: Wants::Pictures,
        make: design::cifar_resnet,
    },
    imagenet("resnet18", "ResNet-18 for ImageNet", |o, task| {
        design::resnet(ResNet::DEPTH_18, o, task)
    }),
    imagenet("resnet34", "ResNet-34 for ImageNet", |o, task| {
        design::resnet(ResNet::DEPTH_34, o, task)
    }),
    imagenet("resnet50", "ResNet-50 for ImageNet (§4.5)", |o, task| {
        design::resnet(ResNet::DEPTH_50, o, task)
    }),
    imagenet("resnet101", "ResNet-101 for ImageNet", |o, task| {
        design::resnet(ResNet::DEPTH_101, o, task)
    }),
    imagenet("resnet152", "ResNet-152 for ImageNet (§4.5)", |o, task| {
        design::resnet(ResNet::DEPTH_152, o, task)
    }),
    Entry {
        settings: &[(by::WIDTH, "64"), (by::REDUCTION, "16")],
        ..imagenet("se-resnet50", "ResNet-50 with squeeze-and-excitation (§4.5)", |o, task| {
            design::resnet(ResNet::SE_50, o, task)
        })
    },
    Entry {
        name: "vit",
        about: "a vision transformer for CIFAR",
        settings: &[
            (by::PATCH, "4"),
            (by::LAYERS, "6"),
            (by::WIDTH, "128"),
            (by::HEADS, "4"),
            (by::INNER, "512"),
            (by::DROPOUT, "0"),
        ],
        habits: VIT_CIFAR,
        wants: Wants::Pictures,
        make: design::vit,
    },
    Entry {
        name: "vit-b32",
        about: "ViT-B/32 for ImageNet (§4.5)",
        settings: &[
            (by::PATCH, "32"),
            (by::LAYERS, "12"),
            (by::WIDTH, "768"),
            (by::HEADS, "12"),
            (by::INNER, "3072"),
            (by::DROPOUT, "0"),
        ],
        habits: VIT_B_32,
        wants: Wants::Pictures,
        make: design::vit,
    },
    Entry {
        name: "gpt",
        about: "a language model, of 8 layers or 96 (§4.6)",
        settings: &[
            (by::LAYERS, "8"),
            (by::WIDTH, "512"),
            (by::HEADS, "8"),
            (by::CONTEXT, ""),
            (by::VOCABULARY, ""),
            (by::DROPOUT, "0"),
        ],
        habits: GPT,
        wants: Wants::Language,
        make: design::gpt,
    },
    Entry {
        name: "textcnn",
        about: "convolutions over words and their maxima over time (§4.4)",
        settings: &[
            (by::WORDS, ""),
            (by::VOCABULARY, ""),
            (by::WIDTH, "50"),
            (by::KERNELS, "3,4,5"),
            (by::FILTERS, "100"),
            (by::DROPOUT, "0.5"),
        ],
        habits: TEXT,
        wants: Wants::Texts,
        make: design::text_cnn,
    },
    Entry {
        name: "textrnn",
        about: "recurrent layers over words, in both directions (§4.4)",
        settings: &[
            (by::WORDS, ""),
            (by::VOCABULARY, ""),
            (by::WIDTH, "50"),
            (by::CELL, "lstm"),
            (by::LAYERS, "1"),
            (by::STATE, "128"),
            (by::DROPOUT, "0.5"),
        ],
        habits: TEXT,
        wants: Wants::Texts,
        make: design::text_rnn,
    },
    Entry {
        name: "transformer",
        about: "a transformer that classifies texts (§4.4)",
        settings: &[
            (by::WORDS, ""),
            (by::VOCABULARY, ""),
            (by::WIDTH, "50"),
            (by::LAYERS, "2"),
            (by::HEADS, "5"),
            (by::INNER, "200"),
            (by::DROPOUT, "0.1"),
        ],
        habits: Habits { rate: 1e-4, update: "adam", ..TEXT },
        wants: Wants::Texts,
        make: design::text_transformer,
    },
];
