//! What was kept stands, whatever a save meets: worn words, items of another size, a damaged generation.

use super::flash::{Failed, Nor, PAGE, Tear, WORD};
use super::foreign::store_other;
use super::{State, keep, load, save, tears};
use idinit::device::keep::{Keep, KeepError, Saved};
use idinit::device::learn::Counters;
use idinit::rule::philox;

/// Words wear out, one or none before each save, wherever they are, and hold what they hold: a save that fails
/// says what stands, and that is there.
#[test]
fn what_stands_is_there_when_words_wear_out() {
    let (mut saves, mut failures, mut again) = (0, 0, 0);
    for seed in 0..400 {
        let mut flash = Nor::new(8);
        let (mut old, mut generation, mut failed) = (State::fresh(), 0, false);
        for number in 1..=40 {
            let [lot, page, ..] = philox([seed, number, 4, 0], [1, 1]);
            if number > 5 + seed % 16 && lot % 8 < 3 {
                // also a word by which a page is in use or not
                let word = lot as usize / 8 % (PAGE / WORD);
                flash.wear(page as usize % 8 * PAGE + word * WORD);
            }
            let mut store = keep(&mut flash);
            if number % 2 == 0 {
                assert_eq!(load(&mut store).0, old, "{seed}, {number}");
            }
            let new = State::of(number);
            match save(&mut store, &new) {
                Ok(()) => {
                    (old, generation) = (new, generation + 1);
                    (saves, again, failed) = (saves + 1, again + u32::from(failed), false);
                }
                Err(KeepError::Standing { generation: stands }) => {
                    assert_eq!(stands, generation, "{seed}, {number}");
                    (failures, failed) = (failures + 1, true);
                }
                Err(error) => panic!("{seed}, {number}: {error}"),
            }
            let (found, ignored) = load(&mut keep(&mut flash));
            assert_eq!(found, old, "{seed}, {number}: {ignored:?}");
        }
    }
    println!("{saves} saves, {failures} failed, {again} behind one that failed");
    assert!(saves > 8_000 && failures > 1_000, "{saves} {failures}");
    let error = KeepError::<Failed>::Standing { generation: 7 }.to_string();
    assert!(
        error.contains("worn or full") && error.contains("generation 7 still stands"),
        "{error}"
    );
}

/// Flash that holds nothing any more, and nothing loadable, is erased in vain.
#[test]
fn what_does_not_hold_anything_is_stuck() {
    let mut flash = Nor::new(8);
    (0..flash.bytes.len()).step_by(WORD).for_each(|at| flash.wear(at));
    assert_eq!(save(&mut keep(&mut flash), &State::of(1)), Err(KeepError::Stuck));
    assert!(flash.erased.iter().all(|erased| *erased > 0), "{:?}", flash.erased);
}

/// A start of 400 numbers, and what `number` steps have made of `count` of them.
fn large(number: u32, count: usize) -> ([f32; 400], [f32; 400]) {
    let start: [f32; 400] = core::array::from_fn(|i| i as f32);
    let mut weights = start;
    weights.iter_mut().take(count).for_each(|weight| *weight += 1.0 + number as f32);
    (start, weights)
}

fn save_large<const B: usize>(
    flash: &mut Nor,
    end: u32,
    number: u32,
    count: usize,
) -> Result<Saved, KeepError<Failed>> {
    let (start, weights) = large(number, count);
    Keep::<_, B>::new(flash, 0..end)?.write(&start[..], &weights, Counters::default(), &[])
}

fn load_large<const B: usize>(flash: &mut Nor, end: u32) -> [f32; 400] {
    let mut weights = [f32::NAN; 400];
    let start = large(0, 0).0;
    Keep::<_, B>::new(flash, 0..end).unwrap().read(&start[..], &mut weights, &mut []).unwrap();
    weights
}

/// Firmware with larger items goes on from what smaller ones keep.
#[test]
fn larger_items_take_the_place_of_smaller_ones() {
    let mut flash = Nor::new(16);
    let end = flash.len();
    for number in 1..=3 {
        save_large::<72>(&mut flash, end, number, 140).unwrap();
    }
    for number in 4..=30 {
        assert_eq!(load_large::<112>(&mut flash, end), large(number - 1, 140).1);
        let saved = save_large::<112>(&mut flash, end, number, 140).unwrap();
        assert_eq!(saved.generation, number);
    }
}

/// Items under numbers that no generation has, as firmware with a larger range leaves them, fill the range,
/// and some are too long to be read: a save makes room. Power goes at every operation of it, and what stood
/// before stands, or the new.
#[test]
fn items_of_no_generation_give_way() {
    let (mut cuts, mut news, mut most) = (0, 0, 0);
    for (lot, lens) in [[40, 40], [88, 88], [12, 60], [40, 110], [110, 110]].into_iter().enumerate()
    {
        let mut flash = Nor::new(8);
        save(&mut keep(&mut flash), &State::of(1)).unwrap();
        let others = (200..).zip(lens.into_iter().cycle()).take(300);
        others.take_while(|(number, len)| store_other(&mut flash, *number, *len)).for_each(drop);
        let (old, new) = (State::of(1), State::of(2));
        assert_eq!(load(&mut keep(&mut flash)).0, old, "{lens:?}");

        flash.done.clear();
        let mut whole = flash.clone();
        save(&mut keep(&mut whole), &new).unwrap();
        assert_eq!(load(&mut keep(&mut whole)).0, new, "{lens:?}");
        most = most.max(whole.done.iter().filter(|erases| **erases).count());
        for (cut, erases) in whole.done.clone().into_iter().enumerate() {
            let [seed, which, ..] = philox([lot as u32, cut as u32, 6, 0], [7, 8]);
            let all = tears(seed);
            let one = &all[which as usize % all.len()..][..1];
            for tear in if erases { &all } else { one } {
                let mut flash = flash.cut(cut, *tear);
                save(&mut keep(&mut flash), &new).unwrap_err();
                flash.on();
                let (found, why) = load(&mut keep(&mut flash));
                assert!(found == new || found == old, "{lens:?}, cut {cut}, {tear:?}: {why:?}");
                (cuts, news) = (cuts + 1, news + u32::from(found == new));
                save(&mut keep(&mut flash), &State::of(3)).unwrap();
                assert_eq!(load(&mut keep(&mut flash)).0, State::of(3));
            }
        }
        // and the saves behind it go on
        for number in 3..40 {
            save(&mut keep(&mut whole), &State::of(number)).unwrap();
            assert_eq!(load(&mut keep(&mut whole)).0, State::of(number), "{lens:?}");
        }
    }
    println!("{cuts} cuts, {news} times the new, {most} pages erased by a save at most");
    assert!(cuts > 1_000 && most > 16, "{cuts} {most}");
}

/// The first save of a power-up, before anything was loaded, when the newest generation has a whole record
/// and a damaged chunk: it does not write over the one that loads.
#[test]
fn a_first_save_spares_the_generation_that_loads() {
    let (mut cuts, mut damaged) = (0, 0);
    let mut sound = Nor::new(8);
    for number in 1..=5 {
        save(&mut keep(&mut sound), &State::of(number)).unwrap();
    }
    for at in (0..sound.bytes.len()).step_by(WORD) {
        let mut flash = sound.clone();
        flash.bytes[at] ^= 1;
        // where the record is damaged, or the older generation, too, or a page is taken for open
        if load(&mut keep(&mut flash.clone())).0 != State::of(4) {
            continue;
        }
        damaged += 1;
        flash.done.clear();
        let mut whole = flash.clone();
        let new = State::of(6);
        save(&mut keep(&mut whole), &new).unwrap();
        assert_eq!(load(&mut keep(&mut whole)), (new.clone(), None), "byte {at}");
        for cut in 0..whole.done.len() {
            let mut flash = flash.cut(cut, Tear::Half);
            save(&mut keep(&mut flash), &new).unwrap_err();
            flash.on();
            let found = load(&mut keep(&mut flash)).0;
            assert!(found == State::of(4) || found == new, "byte {at}, cut {cut}");
            cuts += 1;
        }
    }
    println!("{damaged} damaged words, {cuts} cuts");
    assert!(damaged > 20 && cuts > 1_000, "{damaged} {cuts}");
}
