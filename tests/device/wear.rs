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
