//! Starts of version 1 are the same for ever: every network of the catalogue from every scheme.
#![cfg(feature = "std")]

use idinit::init::Initial;
use idinit::recipe::{Digest, Fingerprint, Recipe, words, zoo};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const PINNED: &str = include_str!("golden/recipes.txt");

/// The fingerprints and the recipes.
fn pinned() -> Vec<(&'static str, &'static str)> {
    let lines = PINNED.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.split_once("  ").unwrap()).collect()
}

/// The fingerprint of a start, tensor by tensor: what is no function of the index is written whole.
fn fingerprint(line: &str) -> Fingerprint {
    let recipe: Recipe = Recipe::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let (entry, network) = zoo::network(&recipe).unwrap_or_else(|error| panic!("{line}: {error}"));
    let scheme = recipe.scheme().unwrap();
    // the line is the only one, and the bytes are few
    let canonical = zoo::recipe(entry, (&network.options, network.task), &scheme).unwrap();
    assert_eq!((canonical.to_string().as_str(), canonical), (line, recipe));
    assert!(recipe.as_bytes().len() <= 64);
    assert_eq!(Recipe::from_bytes(recipe.as_bytes()), Ok(recipe));

    let initial: Initial<'_, _> = Initial::new(network.model.nodes(), scheme);
    let (mut digest, mut buffer) = (Digest::new(), vec![]);
    for tensor in initial.tensors() {
        buffer.resize(tensor.part.dims.len(), 0.0);
        initial.fill(&tensor, 0, &mut buffer).unwrap();
        digest.update(&buffer);
    }
    digest.finish()
}

#[test]
fn every_start_of_version_1_is_as_it_was() {
    let all = pinned();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((want, line)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let got = fingerprint(line).to_string();
                    if got != *want {
                        wrong.lock().unwrap().insert(*line, got);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    let lines: String = wrong.iter().map(|(line, got)| format!("{got}  {line}\n")).collect();
    assert!(wrong.is_empty(), "{} of {} are others now:\n{lines}", wrong.len(), all.len());
}

/// No network and no scheme is left out, but what cannot be: LSUV is finished on data, and SkipInit and
/// ReZero want multipliers.
#[test]
fn every_network_is_there_from_every_scheme() {
    let there: Vec<(String, String)> = pinned()
        .iter()
        .map(|(_, line)| {
            let recipe: Recipe = Recipe::parse(line).unwrap();
            let scheme = line.split(' ').skip(2).find(|word| words::SCHEMES.contains(word));
            (recipe.model().to_string(), scheme.unwrap().to_string())
        })
        .collect();
    for model in words::MODELS.iter().filter(|model| **model != words::TENSORS) {
        for scheme in words::SCHEMES.iter().filter(|scheme| **scheme != "lsuv") {
            let multiplies = ["skipinit", "rezero"].contains(scheme);
            let expected = !multiplies || *model == "resnet";
            let found = there.iter().any(|(m, s)| m == model && s == scheme);
            assert_eq!(found, expected, "{model} from {scheme}");
        }
    }
}
