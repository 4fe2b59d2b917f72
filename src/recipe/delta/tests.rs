//! What was made comes back, and nothing else is taken for it.

use super::*;
use crate::recipe::{Fingerprint, Recipe};
use crate::rule::philox;
use std::vec::Vec;

const RECIPE: &str = "idinit/1 mlp hidden=32,16 idinit";

fn recipe() -> Option<Recipe> {
    Some(Recipe::parse(RECIPE).unwrap())
}

/// A number in −1 … 1 that depends on two others.
fn number(seed: u32, i: u32) -> f32 {
    let [word, ..] = philox([i, seed, 0, 0], [7, 7]);
    word as i32 as f32 / 2_147_483_648.0
}

/// Identities that were trained: all numbers moved a little, or one in 50 of them.
fn trained(len: u32, all: bool) -> (Vec<f32>, Vec<f32>) {
    let start: Vec<f32> = (0..len).map(|i| if i % 17 == 0 { 1.0 } else { 0.0 }).collect();
    let moved = |(i, start): (u32, &f32)| match all || number(1, i) > 0.96 {
        true => start + number(2, i) * number(3, i).abs() * 0.1,
        false => *start,
    };
    let trained = (0..len).zip(&start).map(moved).collect();
    (start, trained)
}

fn made(survey: Survey, start: &[f32], trained: &[f32], row: usize) -> Result<Vec<u8>, DeltaError> {
    let mut survey = survey;
    let rows = || start.chunks(row).zip(trained.chunks(row));
    rows().try_for_each(|(start, trained)| survey.take(start, trained))?;
    let mut bytes = Vec::new();
    let sink = |some: &[u8]| {
        bytes.extend_from_slice(some);
        Ok::<_, DeltaError>(())
    };
    let mut encoder = Encoder::new(&survey, &survey.header(recipe()), sink)?;
    rows().try_for_each(|(start, trained)| encoder.take(start, trained))?;
    encoder.finish()?;
    Ok(bytes)
}

/// Applies a delta in pages of `page` numbers.
fn applied(bytes: &[u8], start: &[f32], page: usize) -> Result<(Header, Vec<f32>), DeltaError> {
    let mut rest = bytes.iter().copied();
    let delta = Delta::open(&mut rest)?;
    let header = *delta.header();
    let mut patch = delta.onto(Fingerprint::of(start), start.len())?;
    let mut weights = start.to_vec();
    weights.chunks_mut(page).try_for_each(|page| patch.apply(page))?;
    patch.finish()?;
    assert_eq!(rest.count(), 0);
    Ok((header, weights))
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[test]
fn an_exact_delta_loses_nothing() {
    for len in [0, 1, 2, 100, 5000] {
        for all in [false, true] {
            let (start, trained) = trained(len, all);
            let bytes = made(Survey::new(Kind::Exact), &start, &trained, 64).unwrap();
            for page in [1, 7, 64, 10_000] {
                let (header, weights) = applied(&bytes, &start, page).unwrap();
                assert_eq!(bits(&weights), bits(&trained));
                assert_eq!((header.recipe, header.count), (recipe(), u64::from(len)));
                assert_eq!((header.largest_error, header.mean_error), (0.0, 0.0));
            }
        }
    }
}

/// Numbers of every sort, from and to numbers of every sort.
#[test]
fn an_exact_delta_holds_every_float() {
    let odd = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        1e-6,
        -1e-6,
        f32::MIN_POSITIVE,
        1e-45,
        -1e-45,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        f32::from_bits(0xffff_ffff),
        f32::from_bits(0x7f80_0001),
        1.0 + f32::EPSILON,
    ];
    let start: Vec<f32> = odd.iter().flat_map(|from| odd.map(|_| *from)).collect();
    let trained: Vec<f32> = odd.iter().flat_map(|_| odd).collect();
    let bytes = made(Survey::new(Kind::Exact), &start, &trained, 64).unwrap();
    let (_, weights) = applied(&bytes, &start, 13).unwrap();
    assert_eq!(bits(&weights), bits(&trained));
    for kind in [Kind::Bf16, Kind::Int8, Kind::Sparse] {
        assert_eq!(made(Survey::new(kind), &start, &trained, 64), Err(DeltaError::NotFinite));
    }
}

#[test]
fn what_is_lost_is_said() {
    let (start, trained) = trained(5000, true);
    let exact = made(Survey::new(Kind::Exact), &start, &trained, 64).unwrap();
    for (survey, bound, share) in [
        // half a unit in the eighth place of 0.1, and rounding of the sum
        (Survey::new(Kind::Bf16), 0.1 / 256.0, 0.55),
        // half a step, which may be 1 in 128 larger than it has to be, of 127 in 0.1
        (Survey::new(Kind::Int8), 0.5 * 0.1 / 127.0 * 1.01, 0.35),
        (Survey::sparse(Kind::Sparse, 0.05), 0.05, 0.25),
    ] {
        let bytes = made(survey, &start, &trained, 64).unwrap();
        let (header, weights) = applied(&bytes, &start, 100).unwrap();
        let errors = || trained.iter().zip(&weights).map(|(a, b)| f64::from((a - b).abs()));
        let largest = errors().fold(0.0, f64::max);
        let mean = libm::sqrt(errors().map(|e| e * e).sum::<f64>() / 5000.0);
        assert_eq!(f64::from(header.largest_error), largest, "{:?}", header.kind);
        assert!((f64::from(header.mean_error) / mean - 1.0).abs() < 1e-6, "{:?}", header.kind);
        assert!(largest < bound, "{:?}: {largest}", header.kind);
        let size = bytes.len() as f64 / exact.len() as f64;
        assert!(size < share, "{:?}: {size}", header.kind);
    }
}

#[test]
fn a_sparse_delta_keeps_the_least_differences() {
    let (start, trained) = ([0.0, 1e-40, f32::MIN_POSITIVE], [1e-45, 2e-40, 1e-38]);
    let bytes = made(Survey::new(Kind::Sparse), &start, &trained, 3).unwrap();
    let (header, weights) = applied(&bytes, &start, 3).unwrap();
    assert_eq!((header.largest_error, bits(&weights)), (0.0, bits(&trained)));
}

#[test]
fn a_difference_beyond_all_floats_has_no_steps() {
    let (start, trained) = ([0.0, -3e38], [0.5, 3e38]);
    for kind in [Kind::Bf16, Kind::Int8] {
        assert_eq!(made(Survey::new(kind), &start, &trained, 2), Err(DeltaError::NotFinite));
    }
    for kind in [Kind::Exact, Kind::Sparse] {
        let bytes = made(Survey::new(kind), &start, &trained, 2).unwrap();
        assert_eq!(applied(&bytes, &start, 2).unwrap().1, trained);
    }
}

#[test]
fn what_did_not_move_costs_next_to_nothing() {
    let (start, same) = (vec![0.0; 100_000], vec![0.0; 100_000]);
    for kind in Kind::ALL {
        let bytes = made(Survey::new(kind), &start, &same, 100_000).unwrap();
        assert!(bytes.len() < 250, "{kind:?}: {}", bytes.len());
        assert_eq!(applied(&bytes, &start, 512).unwrap().1, same);
    }
    // one weight in 50, each of 32 bits and a bit's worth of where it is: 0.62 + 0.14 bits a weight
    let (start, some) = trained(50_000, false);
    let moved = start.iter().zip(&some).filter(|(a, b)| a != b).count();
    let bytes = made(Survey::new(Kind::Exact), &start, &some, 64).unwrap();
    let each = 8.0 * bytes.len() as f64 / moved as f64;
    assert!(each < 36.0, "{each} bits for each of {moved}");
}

#[test]
fn another_start_is_refused_before_anything_is_read() {
    let (start, trained) = trained(100, true);
    let bytes = made(Survey::new(Kind::Exact), &start, &trained, 64).unwrap();
    let delta = || Delta::<_>::open(bytes.iter().copied()).unwrap();
    let right = Fingerprint::of(&start);
    let wrong = Fingerprint(right.0 ^ 1);
    let refused = delta().onto(wrong, 100).unwrap_err();
    assert_eq!(refused, DeltaError::Start { need: right.0, got: wrong.0 });
    let refused = delta().onto(right, 99).unwrap_err();
    assert_eq!(refused, DeltaError::Count { need: 100, got: 99 });
    assert!(refused.to_string().contains("for 100 numbers, and here are 99"));
}

#[test]
fn pages_are_as_many_as_numbers() {
    let (start, trained) = trained(100, true);
    let bytes = made(Survey::new(Kind::Exact), &start, &trained, 64).unwrap();
    let patch = || {
        let delta = Delta::<_>::open(bytes.iter().copied()).unwrap();
        delta.onto(Fingerprint::of(&start), 100).unwrap()
    };
    let mut weights = [start.clone(), vec![0.0]].concat();
    assert_eq!(patch().apply(&mut weights), Err(DeltaError::Count { need: 100, got: 101 }));
    let mut patch = patch();
    patch.apply(&mut weights[..99]).unwrap();
    let missing = patch.finish().unwrap_err();
    assert_eq!(missing, DeltaError::Count { need: 1, got: 0 });
}

/// Every cut and every flip of a bit is found, and the weights are never taken for sound.
#[test]
fn damage_is_found() {
    for kind in Kind::ALL {
        let (start, trained) = trained(60, true);
        let bytes = made(Survey::new(kind), &start, &trained, 10).unwrap();
        assert!(applied(&bytes, &start, 16).is_ok());
        for len in 0..bytes.len() {
            let error = applied(&bytes[..len], &start, 16).unwrap_err();
            assert_eq!(error, DeltaError::Truncated, "{kind:?} cut at {len}");
        }
        for bit in 0..8 * bytes.len() {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(applied(&bytes, &start, 16).is_err(), "{kind:?}, bit {bit}");
        }
    }
}

/// The range coder begins with a zero.
#[test]
fn what_is_no_beginning_is_not_called_cut_off() {
    let (start, trained) = trained(60, true);
    let mut bytes = made(Survey::new(Kind::Exact), &start, &trained, 64).unwrap();
    let header = 51 + recipe().unwrap().as_bytes().len();
    bytes[header] = 1;
    assert_eq!(applied(&bytes, &start, 16).unwrap_err(), DeltaError::Malformed);
}

/// A sound checksum over numbers that lead elsewhere: the fingerprint of the result finds it.
#[test]
fn the_result_is_verified() {
    let (start, trained) = trained(60, true);
    let survey = || {
        let mut survey = Survey::new(Kind::Exact);
        survey.take(&start, &trained).unwrap();
        survey
    };
    let mut header = survey().header(recipe());
    header.result = Fingerprint(header.result.0 ^ 1);
    let mut bytes = Vec::new();
    let sink = |some: &[u8]| {
        bytes.extend_from_slice(some);
        Ok::<_, DeltaError>(())
    };
    let mut encoder = Encoder::new(&survey(), &header, sink).unwrap();
    encoder.take(&start, &trained).unwrap();
    encoder.finish().unwrap();
    let error = applied(&bytes, &start, 16).unwrap_err();
    let right = Fingerprint::of(&trained).0;
    assert_eq!(error, DeltaError::Result { need: right ^ 1, got: right });
}

#[test]
fn a_device_needs_no_more_than_was_promised() {
    let size = size_of::<Patch<core::iter::Copied<core::slice::Iter<'_, u8>>>>();
    assert!(size <= 512, "{size} bytes");
    assert!(size_of::<Header>() <= 144, "{} bytes", size_of::<Header>());
}

#[test]
fn a_recipe_without_room_is_refused() {
    let (start, trained) = trained(10, true);
    let bytes = made(Survey::new(Kind::Exact), &start, &trained, 64).unwrap();
    let error = Delta::<_, 8>::open(bytes.iter().copied()).unwrap_err();
    assert!(error.to_string().contains("more than 8 bytes"), "{error}");
}
