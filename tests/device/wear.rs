//! Pages wear evenly, and no more than they must.

use super::flash::Nor;
use super::{State, keep, load, save};

/// All pages are erased as often as each other, and by the bytes that are written.
#[test]
fn pages_wear_evenly() {
    for (pages, most) in [(8, 2.5), (16, 1.2)] {
        let mut flash = Nor::new(pages);
        let mut store = keep(&mut flash);
        for number in 1..=2_000 {
            save(&mut store, &State::of(number)).unwrap();
            // a device that is turned off now and then
            if number % 10 == 0 {
                store = keep(&mut flash);
                assert_eq!(load(&mut store).0, State::of(number));
            }
        }
        let (least, largest) =
            (flash.erased.iter().min().unwrap(), flash.erased.iter().max().unwrap());
        assert!(largest - least <= 1, "{pages} pages: {:?}", flash.erased);
        let each = flash.erased.iter().sum::<u32>() as f64 / 2_000.0;
        println!("{pages} pages: {each} erasures a save, {least} to {largest} a page");
        assert!(each < most, "{pages} pages: {each} erasures a save");
    }
}

#[test]
fn what_has_not_changed_is_not_written() {
    let mut flash = Nor::new(8);
    let mut store = keep(&mut flash);
    save(&mut store, &State::of(1)).unwrap();
    let state = State::of(1);
    let again = |store: &mut super::Small<'_>, state: &State| {
        store.write(&super::start()[..], &state.weights, state.counters, &state.numbers).unwrap()
    };
    let saved = again(&mut store, &state);
    assert!(!saved.written && saved.generation == 1);
    // nor after a load
    let mut store = keep(&mut flash);
    load(&mut store);
    assert!(!again(&mut store, &state).written);
    let other = State { numbers: [1.0, 0.5, -2.0], ..state };
    assert!(again(&mut store, &other).written);
    assert_eq!(load(&mut store).0, other);
}

/// Deltas that take nine tenths of the room erase hardly more pages than their bytes fill, as they do with
/// twice the pages: what is valid is seldom moved, since chunks die in the order in which they were written.
#[test]
fn a_full_range_wears_no_more() {
    let start: [f32; 400] = core::array::from_fn(|i| i as f32);
    let mut each = vec![];
    for pages in [16, 32] {
        let mut flash = Nor::new(pages);
        let mut store = keep(&mut flash);
        let (mut bytes, mut written, mut number) = (0, 0, 0_u32);
        while written < 500 {
            number += 1;
            let mut weights = start;
            let moved = weights.iter_mut().skip(number as usize % 7).step_by(2);
            moved.take(192).for_each(|weight| *weight += 1.0 + number as f32);
            let counters = Default::default();
            let saved = store.write(&start[..], &weights, counters, &[]).unwrap();
            (bytes, written) = (bytes + saved.bytes, written + 1);
        }
        let room = Nor::new(16);
        let room = keep(&mut { room }).room();
        assert!(bytes / 500 > room as u32 * 9 / 10, "{} of {room}", bytes / 500);
        let erased: u32 = flash.erased.iter().sum();
        // two items of 94 bytes a page
        let least = f64::from(bytes) / 94.0 / 2.0;
        println!(
            "{pages} pages: {} bytes a save, {} times the least",
            bytes / 500,
            f64::from(erased) / least
        );
        each.push(f64::from(erased) / least);
    }
    assert!(each.iter().all(|each| *each < 1.2), "{each:?}");
}
