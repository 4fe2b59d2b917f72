//! Bytes that may be a safetensors file of somebody's model.

use idinit::exchange::roles::{Role, dims, is_float, roles};
use idinit::exchange::safetensors::{Tensors, write_header, write_numbers};
use idinit::init::{IdInit, Named};
use idinit::recipe::list::List;
use std::io::Cursor;

/// Bytes as they are, and as a header with as many zeros behind it as it may ask for.
pub fn safetensors(data: &[u8]) {
    read(data);
    let mut framed = (data.len() as u64).to_le_bytes().to_vec();
    framed.extend_from_slice(data);
    for zeros in [0, 4, 64, 1024, 4096] {
        framed.resize(8 + data.len() + zeros, 0);
        read(&framed);
    }
}

/// What is read has as many numbers as it says, is written again, and starts as a list of tensors.
fn read(bytes: &[u8]) {
    let Ok(mut file) = Tensors::new(Cursor::new(bytes), bytes.len() as u64) else { return };
    let items = file.items();
    for item in &items {
        let numbers = file.numbers(&item.name);
        assert_eq!(numbers.is_ok(), is_float(item.dtype), "{item:?}");
        assert!(numbers.map_or(true, |numbers| numbers.len() == item.len()), "{item:?}");
    }
    again(&items);
    let found = roles(&items);
    assert_eq!(found.guesses.len(), items.len());
    let mut tensors = vec![];
    for (item, guess) in items.iter().zip(&found.guesses) {
        if let (Role::Start(part), Ok(d)) = (guess.role, dims(item, guess)) {
            assert_eq!(d.len(), item.len(), "{item:?}");
            tensors.push((part, d));
        }
    }
    let list = List::new(tensors, [found.relu, found.attention], Named::IdInit(IdInit::PAPER));
    for (number, (_, d)) in list.tensors().iter().enumerate() {
        let mut w = vec![f32::NAN; d.len()];
        list.fill(number, 0, &mut w).unwrap();
        assert!(w.iter().all(|w| w.is_finite()));
    }
    if let Ok(recipe) = list.recipe::<65536>() {
        let again = List::of(&recipe).unwrap();
        assert_eq!(again.tensors(), list.tensors(), "{recipe}");
    }
}

/// A header is written to what is read as the same.
fn again(items: &[idinit::exchange::safetensors::Item]) {
    let mut bytes = vec![];
    write_header(&mut bytes, items, &[]).unwrap();
    for item in items.iter().filter(|item| is_float(item.dtype)) {
        write_numbers(&mut bytes, &vec![0.0; item.len()], item.dtype).unwrap();
    }
    if items.iter().all(|item| is_float(item.dtype)) {
        let again = Tensors::new(Cursor::new(&bytes[..]), bytes.len() as u64).unwrap();
        let sorted = |mut items: Vec<_>| {
            items.sort_by_key(|item: &idinit::exchange::safetensors::Item| item.name.clone());
            items
        };
        assert_eq!(sorted(again.items()), sorted(items.to_vec()));
    }
}
