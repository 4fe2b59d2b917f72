//! Power is cut in the middle of every word that is programmed and every page that is erased.

use super::flash::{Failed, Nor};
use super::{State, keep, load, save, tears};
use idinit::device::keep::KeepError;
use idinit::rule::philox;

const SAVES: u32 = 1_000;
const PAGES: usize = 8;

/// Old or new, whole, and the next save works, after a cut in every unit of 1,000 saves: a word is torn in
/// one way, by lot, a page in every way.
#[test]
fn a_cut_leaves_the_old_or_the_new() {
    let mut flash = Nor::new(PAGES);
    let (mut erasures, mut olds, mut news) = (0, 0, 0);
    let mut old = State::fresh();
    for number in 1..=SAVES {
        let new = State::of(number);
        flash.done.clear();
        let mut whole = flash.clone();
        save(&mut keep(&mut whole), &new).unwrap();
        for (cut, erases) in whole.done.clone().into_iter().enumerate() {
            let [lot, which, ..] = philox([number, cut as u32, 0, 0], [7, 8]);
            let all = tears(lot);
            let one = &all[which as usize % all.len()..][..1];
            for tear in if erases { &all } else { one } {
                let mut flash = flash.cut(cut, *tear);
                let failed = save(&mut keep(&mut flash), &new);
                assert_eq!(failed, Err(KeepError::Flash(Failed::Off)));
                flash.on();

                let mut store = keep(&mut flash);
                let (found, ignored) = load(&mut store);
                let (is_new, is_old) = (found == new, found == old);
                assert!(is_new || is_old, "save {number}, cut {cut}, {tear:?}: {ignored:?}");
                (olds, news) = (olds + u32::from(is_old), news + u32::from(is_new));
                erasures += u32::from(erases);

                let next = State::of(number + SAVES);
                save(&mut store, &next).unwrap();
                assert_eq!(load(&mut store), (next, None), "save {number}, cut {cut}, {tear:?}");
            }
        }
        flash = whole;
        old = new;
        assert_eq!(load(&mut keep(&mut flash)).0, old);
    }
    println!("{} cuts, {erasures} in erasures: {olds} times the old, {news} the new", olds + news);
    // the new is there only when nothing but the last word was missing
    assert!(olds + news > 50_000 && erasures > 5_000 && news > 100);
}

/// Power goes again and again: while a save writes, and while the next load puts right what that left.
#[test]
fn cuts_upon_cuts_lose_nothing() {
    let mut flash = Nor::new(PAGES);
    let (mut old, mut mending) = (State::fresh(), 0);
    for number in 1..=4_000 {
        let [lot, which, after, again] = philox([number, 0, 1, 0], [7, 8]);
        let (new, all) = (State::of(number), tears(lot));
        flash.done.clear();
        let mut whole = flash.clone();
        save(&mut keep(&mut whole), &new).unwrap();
        // in an erasure, if there is one, or anywhere
        let erasures = (0..whole.done.len()).filter(|unit| whole.done[*unit]);
        let anywhere = after as usize % (whole.done.len() + 4);
        let after = erasures.max().filter(|_| after & 4 == 0).unwrap_or(anywhere);
        flash.cut_after(after, all[which as usize % all.len()]);
        let saved = save(&mut keep(&mut flash), &new);
        flash.on();
        for load in 0..again % 3 {
            let tear = all[(which >> (3 + load)) as usize % all.len()];
            flash.cut_after((again >> (8 + load)) as usize % 2, tear);
            let mut numbers = [0.0; 3];
            let _ = keep(&mut flash).read(&super::start()[..], &mut [0.0; 48], &mut numbers);
            mending += u32::from(flash.is_off());
            flash.on();
        }
        let (found, ignored) = load(&mut keep(&mut flash));
        assert!(found == new || saved.is_err(), "save {number} was lost: {ignored:?}");
        assert!(found == new || found == old, "save {number}, {ignored:?}");
        old = found;
    }
    println!("{mending} loads were cut while they mended");
    assert!(mending > 100);
}
