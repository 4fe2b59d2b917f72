//! A network of which no weight is stored looks at a digit: each row of weights is made when it is
//! needed, and forgotten: `cargo run --example infer_from_the_rule`.

use idinit::data::digits;
use idinit::engine::{Error, Unstored, layer_window, least_window};
use idinit::graph::Graph;
use idinit::init::{Initial, Kaiming};
use idinit::layer::{LayerSet, Uses};
use idinit::model::{self, Activation};
use idinit::plan::{Mode, Plan};
use idinit::recipe::Fingerprint;
use idinit::shape::Shape;

const NET: Graph<7> =
    model::mlp(Graph::input(Shape::vector(64)), &[512, 512, 512], Activation::Relu, 10);
static PLAN: Plan<7> = Plan::new(&NET, Mode::INFER, 1);
const ROW: usize = least_window(&PLAN.net());
const LAYER: usize = layer_window(&PLAN.net());

enum Mine {}
impl Uses for Mine {
    const SET: LayerSet = NET.uses();
}

/// The outputs of an image, through a window of so many weights.
fn outputs(image: &[f32], window: &mut [f32], arena: &mut [f32]) -> Result<[f32; 10], Error> {
    let initial: Initial<'_, _, Mine> = Initial::new(NET.nodes(), Kaiming::default());
    let weights = |start, w: &mut [f32]| initial.fill_window(start, w).map_err(Error::from);
    let mut engine = Unstored::<Mine, _>::new(PLAN.net(), weights, window, arena)?;
    let mut y = [0.0; 10];
    engine.infer(image, &mut y)?;
    Ok(y)
}

fn main() -> Result<(), Error> {
    let mut image = [0.0; 64];
    let _ = digits::image(digits::test(0), &mut image);
    let mut arena = [0.0; PLAN.arena];

    let by_rows = outputs(&image, &mut [0.0; ROW], &mut arena)?;
    let by_layers = outputs(&image, &mut vec![0.0; LAYER], &mut arena)?;
    assert_eq!(by_rows.map(f32::to_bits), by_layers.map(f32::to_bits));

    println!("outputs {by_rows:.3?}, fingerprint {}", Fingerprint::of(&by_rows));
    let bytes = |numbers: usize| 4 * (numbers + PLAN.arena);
    println!("RAM for weights and what flows between layers, to the same bits:");
    println!("{:>9} bytes, a row at a time", bytes(ROW));
    println!("{:>9} bytes, a layer at a time", bytes(LAYER));
    println!("{:>9} bytes, with all weights stored", bytes(PLAN.weights));
    Ok(())
}
