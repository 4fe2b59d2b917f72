//! Lines that may be recipes.

use idinit::model::catalog::{CatalogError, Network, Task};
use idinit::plan::Mode;
use idinit::recipe::zoo::{self, ZooError};
use idinit::recipe::{Recipe, RecipeError, Value};
use idinit::update::Momentum;

/// A line prints and is read again to the same recipe, in less room too, or not at all.
pub fn recipe_line(data: &[u8]) {
    let Ok(line) = str::from_utf8(data) else { return };
    let small = Recipe::<24>::parse(line);
    match Recipe::<64>::parse(line) {
        Ok(recipe) => {
            comes_back(&recipe);
            match small {
                Ok(small) => assert_eq!(small, recipe),
                Err(error) => assert_eq!(error, RecipeError::Long { room: 24 }),
            }
            network(&recipe);
        }
        Err(error) => {
            assert!(small.is_err(), "{line:?}");
            assert!(!error.to_string().is_empty());
        }
    }
}

/// A recipe that was read is the only form of what it says, as bytes and as a line.
pub fn comes_back(recipe: &Recipe) {
    let printed = recipe.to_string();
    assert_eq!(Recipe::parse(&printed).as_ref(), Ok(recipe), "{printed:?}");
    assert_eq!(Recipe::from_bytes(recipe.as_bytes()).as_ref(), Ok(recipe), "{printed:?}");
    assert!(recipe.scheme().is_ok(), "{printed:?}");
}

/// The network of a recipe has what the recipe says, and its own recipe is the same network's.
fn network(recipe: &Recipe) {
    // a thousand layers take a second to build
    let deep = |(name, value): (&str, Value<'_>)| {
        ["depth", "layers", "blocks"].contains(&name)
            && matches!(value, Value::Count(count) if count > 50)
    };
    if recipe.settings().any(deep) {
        return;
    }
    let (entry, network) = match zoo::network(recipe) {
        Ok(made) => made,
        // as does a panic on the thread that builds
        Err(ZooError::Catalog(CatalogError::Thread)) => panic!("{recipe} has no thread"),
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for said in recipe.settings() {
        is_so(said, &network);
    }
    let scheme = recipe.scheme().unwrap();
    let canonical = match zoo::recipe(entry, (&network.options, network.task), &scheme) {
        Ok(canonical) => canonical,
        Err(error) => panic!("{recipe} has no other recipe: {error}"),
    };
    comes_back(&canonical);
    let (other, again) = zoo::network(&canonical).unwrap();
    assert_eq!(
        (other.name, again.task, &again.options),
        (entry.name, network.task, &network.options)
    );
    assert_eq!(again.model.nodes(), network.model.nodes());
    assert_eq!(again.model.parameters(), network.model.parameters());
    plans(&network);
    assert_eq!(zoo::recipe(entry, (&again.options, again.task), &scheme).unwrap(), canonical);
}

/// There is a plan of the network, or an error that says why not.
fn plans(network: &Network) {
    for (mode, batch) in [(Mode::INFER, 1), (Mode::train::<Momentum>(), 3)] {
        match network.model.plan(mode, batch) {
            Ok(plan) => assert_eq!(plan.net().nodes().len(), network.model.nodes().len()),
            Err(CatalogError::Thread) => panic!("a plan has no thread"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// What is said of an input, of classes and of settings is what the network has.
fn is_so((name, value): (&str, Value<'_>), network: &Network) {
    let said = value.to_string();
    let has = match (name, network.task) {
        ("input", Task::Pictures { shape, .. }) => {
            format!("{}x{}x{}", shape.height, shape.width, shape.channels)
        }
        ("classes", task) => task.classes().to_string(),
        ("dropout", _) => return,
        _ => {
            let mut options = network.options.iter();
            options.find(|(setting, _)| setting.name == name).unwrap().1.to_string()
        }
    };
    assert_eq!(said, has, "{name}");
}
