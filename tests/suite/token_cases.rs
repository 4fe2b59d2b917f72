//! The networks of the layers of texts, transformers and squeeze-and-excitation.

use super::cases::{Add, ROOM, Trains, hwc, max, vector};
use Trains::{All, Last, Only};
use idinit::graph::{Graph, Value};
use idinit::layer::Layer;

/// A line of tokens.
fn line(tokens: u32) -> Graph<ROOM> {
    hwc(1, tokens, 1)
}

pub fn add(add: Add<'_>) {
    tables(add);
    pairs(add);
    norms_and_chance(add);
    attention(add);
    whole_networks(add);
}

fn tables(add: Add<'_>) {
    let end = |graph: Graph<ROOM>| graph.dense(3).cross_entropy(0.0);
    add("one token", line(1).embedding(3, 2).dense(2).squared_error(), [1, 1], All);
    add("a table of width 1", end(hwc(2, 3, 1).embedding(4, 1)), [3, 3], All);
    add("a table of one row", end(line(3).embedding(1, 5).tanh()), [3, 3], All);
    add("a table of 17 numbers a row", end(line(9).embedding(40, 17)), [5, 3], All);
    add("tokens with padding", end(line(7).padded_embedding(3, 9)), [5, 3], All);
    add("an embedding at the end", line(4).padded_embedding(5, 3).squared_error(), [3, 3], All);
    add("only the embedding", end(line(5).embedding(6, 4).name("a").tanh()), [3, 2], Only(&["a"]));
    add("a frozen embedding", end(line(5).embedding(6, 4).tanh()), [3, 3], Last(1));
    let none = line(3).scalar_bias().name("a").at(Value::INPUT).embedding(3, 2).dense(2);
    add("an embedding beside a dead end", none.squared_error(), [3, 3], All);

    add("positions", end(hwc(2, 3, 2).conv2d(5, 3).positions().tanh()), [5, 3], All);
    add("positions of the input", end(hwc(1, 3, 4).positions().linear(9)), [3, 3], All);
    add("positions at the end", vector(3).dense(4).positions().squared_error(), [3, 3], All);
    let frozen = hwc(1, 3, 2).linear(3).name("a").positions().linear(2);
    add("frozen positions", frozen.squared_error(), [3, 3], Only(&["a"]));

    add("a class token", end(hwc(2, 2, 3).linear(5).class_token().linear(4)), [5, 3], All);
    add("a class token of the input", hwc(1, 2, 9).class_token().squared_error(), [3, 3], All);
    let frozen = hwc(1, 3, 2).linear(3).name("a").class_token().linear(2);
    add("a frozen class token", frozen.squared_error(), [3, 3], Only(&["a"]));
    let read = hwc(2, 2, 3).linear(5).class_token().positions().conv1d(4, 3);
    add("a class token that is read", end(read.select(0)), [5, 3], All);
    add("the last pixel", end(hwc(2, 3, 2).conv2d(4, 3).select(5)), [3, 3], All);
    add("one pixel of the input", hwc(2, 2, 3).select(1).dense(2).squared_error(), [3, 3], All);
    add("a pixel at the end", hwc(1, 3, 2).linear(4).select(1).cross_entropy(0.1), [3, 3], All);
}

fn pairs(add: Add<'_>) {
    let end = |graph: Graph<ROOM>| graph.dense(3).cross_entropy(0.0);
    let g = hwc(2, 3, 2).conv2d(4, 3);
    let stem = g.here();
    let both = g.tanh().concat(stem);
    add("a value beside its activation", end(both), [3, 3], All);
    add("two values at the end", g.conv2d(3, 3).concat(stem).squared_error(), [5, 3], All);
    add("the input beside a value", end(g.at(Value::INPUT).concat(stem)), [3, 3], All);
    add("a value beside the input", end(g.concat(Value::INPUT)), [5, 3], All);
    let frozen = hwc(1, 3, 2).linear(3).name("a");
    let a = frozen.here();
    let frozen = frozen.at(Value::INPUT).linear(1);
    let b = frozen.here();
    add("a frozen value beside another", end(frozen.concat(a)), [3, 3], Only(&["a"]));
    add("a value beside a frozen one", end(frozen.at(a).concat(b)), [3, 3], Only(&["a"]));

    let text = line(8).padded_embedding(7, 5);
    let embedded = text.here();
    let text = text.conv1d(3, 2).relu().then(max([1, 7], [1, 1]));
    let two = text.here();
    let text = text.at(embedded).conv1d(4, 3).relu().then(max([1, 6], [1, 1]));
    let three = text.here();
    let text = text.at(embedded).conv1d(2, 5).relu().then(max([1, 4], [1, 1]));
    let text = text.concat(three).concat(two).dropout(0.5).dense(2).cross_entropy(0.0);
    add("a text by three widths", text, [4, 4], All);

    let g = hwc(3, 3, 2).conv2d(4, 3).tanh();
    let x = g.here();
    let squeezed = g.global_average_pool().dense(2).relu().dense(4).sigmoid();
    let scales = squeezed.here();
    add("squeeze and excitation", end(squeezed.at(x).scale_channels(scales)), [5, 3], All);
    let block = squeezed.at(x).scale_channels(scales).add(x).relu();
    add("a block with squeeze and excitation", end(block), [3, 3], All);
    let last = vector(3).dense(4);
    let value = last.here();
    let last = last.sigmoid().scale_channels(value).squared_error();
    add("scales at the end", last, [3, 2], All);
    let by_input = vector(4).dense(4).scale_channels(Value::INPUT);
    add("scales that are the input", end(by_input), [3, 3], All);
    let input = vector(4).dense(4).sigmoid();
    let scales = input.here();
    add("the input scaled", end(input.at(Value::INPUT).scale_channels(scales)), [3, 3], All);
    let frozen = hwc(2, 2, 3).conv2d(2, 3).name("a");
    let a = frozen.here();
    let frozen = frozen.at(Value::INPUT).global_average_pool().dense(2).sigmoid();
    let scales = frozen.here();
    add("frozen scales", end(frozen.at(a).scale_channels(scales)), [3, 3], Only(&["a"]));
    let scale = hwc(2, 2, 3).conv2d(2, 3);
    let x = scale.here();
    let scale = scale.at(Value::INPUT).global_average_pool().dense(2).name("a").sigmoid();
    let scales = scale.here();
    add("only the scales", end(scale.at(x).scale_channels(scales)), [3, 3], Only(&["a"]));
}

fn norms_and_chance(add: Add<'_>) {
    let end = |graph: Graph<ROOM>| graph.dense(3).cross_entropy(0.0);
    add("rms norm", end(vector(4).dense(7).rms_norm().tanh()), [3, 3], All);
    add("rms norm of a picture", end(hwc(2, 3, 2).conv2d(5, 3).rms_norm()), [5, 3], All);
    add("rms norm of the input", end(hwc(2, 1, 5).rms_norm()), [3, 3], All);
    add("rms norm at the end", vector(3).dense(4).rms_norm().squared_error(), [3, 3], All);
    let frozen = hwc(4, 4, 2).conv2d(3, 3).name("a").rms_norm().max_pool(2);
    add("frozen rms norm", end(frozen), [3, 3], Only(&["a"]));

    add("dropout", end(vector(5).dense(17).dropout(0.5).tanh()), [5, 3], All);
    add("dropout of nothing", end(vector(5).dense(7).dropout(0.0).tanh()), [3, 3], All);
    add("dropout of the input", end(vector(9).dropout(0.25)), [3, 3], All);
    add("dropout at the end", vector(3).dense(9).dropout(0.1).squared_error(), [3, 3], All);
    let two = vector(3).dense(9).tanh().dropout(0.3).dense(8).dropout(0.7);
    add("dropout twice", end(two), [3, 3], All);
    add("dropout behind frozen layers", end(vector(5).dense(7).dropout(0.5)), [3, 3], Last(1));
    let g = vector(3).dense(6);
    let value = g.here();
    add("dropout of a value that is kept", end(g.dropout(0.5).add(value)), [3, 3], All);
}

fn attention(add: Add<'_>) {
    let end = |graph: Graph<ROOM>| graph.dense(3).cross_entropy(0.0);
    let one = vector(2).dense(3).attention(1, false).squared_error();
    add("attention of one token, one number", one, [1, 1], All);
    add("attention, one head", end(hwc(1, 5, 2).linear(9).attention(1, false)), [3, 3], All);
    add("attention, two heads", end(hwc(1, 4, 3).linear(12).attention(2, false)), [5, 3], All);
    add("attention, heads of one", end(hwc(1, 3, 2).linear(9).attention(3, false)), [3, 3], All);
    add("attention over a picture", end(hwc(2, 3, 3).linear(12).attention(2, false)), [3, 3], All);
    add("attention of the input", end(hwc(1, 5, 6).attention(1, false)), [3, 3], All);
    add("causal attention", end(hwc(1, 9, 3).linear(24).attention(2, true)), [5, 3], All);
    let last = hwc(1, 6, 2).linear(15).attention(1, true).squared_error();
    add("causal attention at the end", last, [3, 3], All);
    let frozen = hwc(1, 5, 2).linear(3).name("a").linear(12).attention(2, true);
    add("attention over frozen projections", end(frozen), [3, 3], Only(&["a"]));
    let masked = |tokens, heads, causal| {
        let projected = line(tokens).padded_embedding(4, 3).positions().linear(12);
        end(projected.masked_attention(heads, causal, Value::INPUT))
    };
    add("masked attention", masked(6, 2, false), [5, 3], All);
    add("masked attention to one token", masked(1, 1, false), [6, 6], All);
    add("masked attention, all padding at times", masked(2, 2, false), [9, 9], All);
    add("masked causal attention", masked(7, 4, true), [5, 3], All);
    let g = hwc(1, 5, 2).linear(1).relu();
    let mask = g.here();
    let by_value = g.at(Value::INPUT).linear(9).masked_attention(1, false, mask);
    add("a mask that is computed", end(by_value), [5, 3], All);
    let only = Only(&["a"]);
    let frozen = hwc(1, 4, 2).linear(1).name("a").relu();
    let mask = frozen.here();
    let frozen = frozen.at(Value::INPUT).linear(6).name("b").masked_attention(1, false, mask);
    add("a frozen mask", end(frozen), [5, 3], Only(&["b"]));
    let skip = frozen.concat(mask);
    add("a mask that is trained elsewhere", end(skip), [5, 3], only);
}

fn whole_networks(add: Add<'_>) {
    let g = line(6).embedding(5, 4).positions();
    let skip = g.here();
    let g = g.rms_norm().linear(12).attention(2, true).linear(4).add(skip);
    let skip = g.here();
    let g = g.rms_norm().linear(8).gelu().linear(4).add(skip).rms_norm().linear(5);
    add("a block of a language model", g.cross_entropy(0.0), [3, 3], All);
    add("its head alone", g.cross_entropy(0.1), [4, 2], Last(2));

    let patch = Layer::Conv2d(idinit::layer::Conv2d {
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
        ..idinit::layer::Conv2d::same(6, 1)
    });
    let g = hwc(4, 6, 2).then(patch).class_token().positions().dropout(0.25);
    let skip = g.here();
    let g = g.layer_norm().linear(18).attention(3, false).linear(6).dropout(0.1).add(skip);
    let g = g.layer_norm().select(0).dense(3).cross_entropy(0.1);
    add("a block of a vision transformer", g, [4, 3], All);

    // what linear layers may take along of those behind them
    let end = |graph: Graph<ROOM>| graph.dense(3).cross_entropy(0.0);
    let unbiased = |out| {
        Layer::Conv2d(idinit::layer::Conv2d { bias: false, ..idinit::layer::Conv2d::same(out, 1) })
    };
    let g = hwc(2, 3, 2).linear(5);
    let skip = g.here();
    let g = g.then(unbiased(7)).gelu().then(unbiased(5)).add(skip).relu();
    add("gelu and a sum behind layers without bias", end(g), [3, 3], All);
    let g = hwc(2, 3, 2).linear(5);
    let skip = g.here();
    add("a rectified sum behind a bias", end(g.gelu().linear(5).add(skip).relu()), [5, 3], All);
    let g = vector(3).dense(4);
    let value = g.here();
    add("gelu beside its operand", end(g.gelu().add(value)), [3, 3], All);
    add("gelu of 33 numbers at the end", vector(3).dense(33).gelu().squared_error(), [5, 3], All);
    let frozen = vector(3).dense(4).name("a").dense(5).gelu().dense(2).squared_error();
    add("gelu behind a frozen layer", frozen, [3, 3], Only(&["a"]));
}
