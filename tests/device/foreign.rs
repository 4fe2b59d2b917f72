//! What lies in flash and is not ours, and what does not fit.

use super::flash::{Failed, Nor, PAGE};
use super::{State, keep, load, save, start};
use idinit::device::keep::{Ignored, Keep, KeepError};
use idinit::device::learn::Counters;
use idinit::recipe::{Fingerprint, Kind, Recipe};
use idinit::rule::philox;

/// The flash after some saves.
fn saved(times: u32) -> Nor {
    let mut flash = Nor::new(8);
    (1..=times).for_each(|number| save(&mut keep(&mut flash), &State::of(number)).unwrap());
    flash
}

#[test]
fn an_erased_flash_is_the_start() {
    let mut flash = Nor::new(8);
    assert_eq!(load(&mut keep(&mut flash)), (State::fresh(), None));
    assert!(flash.done.is_empty(), "a load of nothing writes nothing");
}

/// Pages of random bytes, some of which look as if they were in use: a load is the start or what was there,
/// and the next save works.
#[test]
fn garbage_is_ignored_and_written_over() {
    let (mut starts, mut ignored) = (0, 0);
    for seed in 0..3_000 {
        let mut flash = if seed % 2 == 0 { Nor::new(8) } else { saved(seed % 7 + 1) };
        let [pages, kind, ..] = philox([seed, 0, 2, 0], [1, 1]);
        for page in (0..8).filter(|page| pages >> page & 1 == 1) {
            for (i, byte) in flash.bytes[page * PAGE..][..PAGE].iter_mut().enumerate() {
                let [random, ..] = philox([seed, (page * PAGE + i) as u32, 3, 0], [1, 1]);
                *byte = match kind % 4 {
                    0 => random as u8,
                    1 => 0,
                    // between words that say that it is in use
                    2 => {
                        if i < 4 || (kind & 4 == 0 && i >= PAGE - 4) {
                            0
                        } else {
                            random as u8
                        }
                    }
                    _ => *byte & (random | random >> 8 | random >> 16) as u8,
                };
            }
        }
        let mut store = keep(&mut flash);
        let (found, why) = load(&mut store);
        let known = found == State::fresh() || (1..=7).any(|number| found == State::of(number));
        assert!(known, "{seed}: {found:?}");
        starts += u32::from(found == State::fresh());
        ignored += u32::from(why.is_some());
        let next = State::of(seed + 100);
        save(&mut store, &next).unwrap();
        assert_eq!(load(&mut keep(&mut flash)), (next, None), "{seed}");
    }
    assert!(starts > 1_000 && starts < 2_000 && ignored > 1_000, "{starts} {ignored}");
}

/// Another program's items, some of them longer than ours or without any byte, in the same range.
#[test]
fn another_programs_items_are_ignored_and_written_over() {
    use sequential_storage::cache::Cache;
    use sequential_storage::map::{MapConfig, MapStorage};
    for (key, len) in (0..60).zip([1_usize, 40, 120, 5, 92, 94, 96].into_iter().cycle()) {
        let mut flash = if key % 3 == 0 { saved(key % 4 + 1) } else { Nor::new(8) };
        let mut room = [0; 128];
        {
            let async_flash = Awaited(&mut flash);
            let config = MapConfig::new(0..8 * PAGE as u32);
            let mut other =
                MapStorage::<u32, _, _>::new(async_flash, config, Cache::new_uncached());
            let bytes = vec![key as u8; len];
            for number in 0..=key {
                ready(other.store_item(&mut room, &number, &&bytes[..])).unwrap_or(());
            }
        }
        let mut store = keep(&mut flash);
        load(&mut store);
        for number in 0..20 {
            let next = State::of(key + 100 + number);
            save(&mut store, &next).unwrap();
            store = keep(&mut flash);
            assert_eq!(load(&mut store).0, next, "{key}, {number}");
        }
        assert_eq!(load(&mut store).1, None, "none of the other's pages is left");
    }
}

/// Another program's items of no byte at all, behind ours: what stands for their number is what was read
/// before.
#[test]
fn items_without_a_number_are_ignored_and_written_over() {
    use sequential_storage::cache::Cache;
    use sequential_storage::queue::{QueueConfig, QueueStorage};
    for items in 1..40 {
        let mut flash = saved(items % 3);
        {
            let config = QueueConfig::new(0..8 * PAGE as u32);
            let mut other = QueueStorage::new(Awaited(&mut flash), config, Cache::new_uncached());
            (0..items).for_each(|_| ready(other.push(&[], true)).unwrap());
        }
        let mut store = keep(&mut flash);
        assert_eq!(load(&mut store), (State::fresh(), Some(Ignored::Damaged)), "{items}");
        save(&mut store, &State::of(items)).unwrap();
        assert_eq!(load(&mut keep(&mut flash)), (State::of(items), None), "{items}");
    }
}

/// Stores an item of a map like ours, of so many bytes under this number; no, where there is no room.
pub fn store_other(flash: &mut Nor, number: u16, len: usize) -> bool {
    use sequential_storage::cache::Cache;
    use sequential_storage::map::{MapConfig, MapStorage};
    let config = MapConfig::new(0..flash.len());
    let mut other = MapStorage::<u16, _, _>::new(Awaited(flash), config, Cache::new_uncached());
    ready(other.store_item(&mut [0; 256], &number, &&vec![7; len][..])).is_ok()
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("a flash in memory never waits"),
    }
}

/// The flash of these tests for a store of other items.
struct Awaited<'a>(&'a mut Nor);

impl embedded_storage::nor_flash::ErrorType for Awaited<'_> {
    type Error = Failed;
}

impl embedded_storage_async::nor_flash::ReadNorFlash for Awaited<'_> {
    const READ_SIZE: usize = 4;
    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Failed> {
        embedded_storage::nor_flash::ReadNorFlash::read(self.0, offset, bytes)
    }
    fn capacity(&self) -> usize {
        self.0.bytes.len()
    }
}

impl embedded_storage_async::nor_flash::NorFlash for Awaited<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = PAGE;
    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Failed> {
        embedded_storage::nor_flash::NorFlash::erase(self.0, from, to)
    }
    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Failed> {
        embedded_storage::nor_flash::NorFlash::write(self.0, offset, bytes)
    }
}

/// Every bit of the flash is flipped once: what is found then is the newest or the one before it, whole, or
/// the start, and never anything else.
#[test]
fn a_flipped_bit_is_found() {
    let sound = saved(5);
    let (mut newest, mut older) = (0, 0);
    for bit in 0..8 * sound.bytes.len() {
        let mut flash = sound.clone();
        flash.bytes[bit / 8] ^= 1 << (bit % 8);
        let (found, _) = load(&mut keep(&mut flash));
        newest += u32::from(found == State::of(5));
        older += u32::from(found == State::of(4));
        let known = [State::of(5), State::of(4), State::fresh()].contains(&found);
        assert!(known, "bit {bit}: {found:?}");
    }
    assert!(newest > 10_000 && older > 500, "{newest} {older}");
}

#[test]
fn another_start_another_recipe_and_other_numbers_are_ignored() {
    let mut flash = saved(3);
    let mut other = start();
    other[5] = 0.25;
    let (mut weights, mut numbers) = ([f32::NAN; 48], [0.0; 3]);
    let loaded = keep(&mut flash).read(&other[..], &mut weights, &mut numbers).unwrap();
    let (need, got) = (Fingerprint::of(&start()).0, Fingerprint::of(&other).0);
    assert_eq!(loaded.ignored, Some(Ignored::OtherStart { need, got }));
    assert_eq!((loaded.generation, weights, numbers), (None, other, [0.0; 3]));

    let loaded = keep(&mut flash).read(&start()[..], &mut weights, &mut [0.0; 2]).unwrap();
    assert_eq!(loaded.ignored, Some(Ignored::OtherNumbers { need: 3, got: 2 }));
    assert_eq!(weights, start());

    let recipe = |text| Recipe::parse(text).unwrap();
    let mlp = recipe("idinit/1 mlp hidden=4 idinit");
    let loaded = keep(&mut flash).with_recipe(mlp).read(&start()[..], &mut weights, &mut numbers);
    assert_eq!(loaded.unwrap().ignored, Some(Ignored::OtherRecipe));
    save(&mut keep(&mut flash).with_recipe(mlp), &State::of(9)).unwrap();
    assert_eq!(load(&mut keep(&mut flash).with_recipe(mlp)), (State::of(9), None));
    let other = recipe("idinit/1 mlp hidden=5 idinit");
    assert_eq!(load(&mut keep(&mut flash).with_recipe(other)).1, Some(Ignored::OtherRecipe));
}

#[test]
fn what_does_not_fit_is_refused_with_numbers() {
    let refused = |flash: &mut Nor, range| match Keep::<_, 96>::new(flash, range) {
        Ok(_) => panic!("taken"),
        Err(error) => (error, error.to_string()),
    };
    let mut flash = Nor::new(8);
    for (start, end) in [(0, 512), (256, 256), (100, 2_048), (0, 4_096), (2_048, 0), (0, 2_000)] {
        let (error, text) = refused(&mut flash, start..end);
        assert_eq!(error, KeepError::Range { start, end, page: 256, capacity: 2_048 });
        assert!(text.contains("three whole pages of 256 bytes within 2048"), "{text}");
    }
    let item = Keep::<_, 94>::new(&mut flash, 0..2_048).unwrap_err();
    assert_eq!(item, KeepError::Item { word: 4, got: 94 });
    // a record has no room
    let item = Keep::<_, 68>::new(&mut flash, 0..2_048).unwrap_err();
    assert_eq!(item, KeepError::Item { word: 4, got: 68 });
    assert!(item.to_string().contains("at least 70"), "{item}");
    let page = Keep::<_, 128>::new(&mut flash, 0..2_048).unwrap_err();
    assert_eq!(page, KeepError::Page { need: 280, got: 256 });

    // three pages have no room for this, and nothing is written
    let mut flash = Nor::new(3);
    let mut store = keep(&mut flash);
    let room = store.room();
    let KeepError::Full { need, room: got } = save(&mut store, &State::of(1)).unwrap_err() else {
        panic!("not full");
    };
    assert!(need > room && got == room, "{need} {room} {got}");
    let numbers = store.write(&start()[..], &start(), Counters::default(), &[0.0; 8]);
    assert_eq!(numbers.unwrap_err(), KeepError::Numbers { most: 6, got: 8 });
    let weights = store.write(&start()[..], &start()[1..], Counters::default(), &[]);
    assert_eq!(weights.unwrap_err(), KeepError::Weights { need: 48, got: 47 });
    assert!(flash.done.is_empty());
}

/// Deltas of all sizes up to the room are saved over and over; one more chunk is refused.
#[test]
fn what_there_is_room_for_fits() {
    let numbers: [f32; 400] = core::array::from_fn(|i| i as f32);
    for pages in [4, 5, 8, 16] {
        let mut flash = Nor::new(pages);
        let mut store = keep(&mut flash);
        let room = store.room();
        let (mut full, mut most) = (0, 0);
        for number in 0..400_u32 {
            let mut weights = numbers;
            let [count, seed, ..] = philox([number, 0, 9, 0], [1, 1]);
            for weight in &mut weights[..count as usize % 400] {
                *weight += (seed % 1_000 + 1) as f32;
            }
            match store.write(&numbers[..], &weights, Counters::default(), &[]) {
                Ok(saved) => most = most.max(saved.bytes as usize),
                Err(KeepError::Full { need, .. }) => {
                    assert!(need > room);
                    full += 1;
                    continue;
                }
                Err(error) => panic!("{pages} pages, save {number}: {error}"),
            }
            let mut found = [0.0; 400];
            let loaded = store.read(&numbers[..], &mut found, &mut []).unwrap();
            assert_eq!((loaded.ignored, found), (None, weights), "{pages} pages, save {number}");
        }
        assert!(full > 0 && most <= room, "{pages} pages: {most} of {room}, {full} full");
        println!("{pages} pages of {PAGE}: room for {room} bytes, {most} were kept");
    }
}

#[test]
fn a_rounded_delta_is_kept_as_it_is_rounded() {
    let mut flash = Nor::new(8);
    let mut store = keep(&mut flash).with_kind(Kind::Bf16);
    save(&mut store, &State::of(3)).unwrap();
    let found = load(&mut store).0;
    let close = |(a, b): (&f32, &f32)| (a - b).abs() < 0.01;
    assert!(found.weights.iter().zip(&State::of(3).weights).all(close));
    assert!(found != State::of(3));
    save(&mut store, &found).unwrap();
    assert_eq!(load(&mut store).0, found);
}

#[test]
fn a_flash_that_fails_says_so_and_leaves_the_start() {
    let mut flash = saved(2);
    flash.cut_after(0, super::flash::Tear::Before);
    save(&mut keep(&mut flash), &State::of(3)).unwrap_err();
    let (mut weights, mut numbers) = ([f32::NAN; 48], [0.0; 3]);
    let error = keep(&mut flash).read(&start()[..], &mut weights, &mut numbers).unwrap_err();
    assert_eq!((error, weights), (KeepError::Flash(Failed::Off), start()));
}
