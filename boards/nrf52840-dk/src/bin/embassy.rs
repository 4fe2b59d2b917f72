//! A device that learns, by embassy: sensing is a task, and training another that lets it go first after each piece.

#![no_std]
#![no_main]

use board::{Dk, Wired};
use common::pieces::{ARENA, Pieces, WEIGHTS};
use embassy_executor::Spawner;
use embassy_time::{Duration, Ticker};
use idinit::engine::Error;
use static_cell::StaticCell;

/// Images learnt at once: while they are, nothing else happens.
const BUDGET: usize = 1;

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let wired = Dk::start();
    // fails only where it is spawned already
    if let Ok(token) = sense(wired) {
        spawner.spawn(token);
    }
    common::end::<Dk, _>(learn().await)
}

async fn learn() -> Result<(), Error> {
    static WEIGHT: StaticCell<[f32; WEIGHTS]> = StaticCell::new();
    static FLOW: StaticCell<[f32; ARENA]> = StaticCell::new();
    let mut pieces =
        Pieces::new(WEIGHT.init_with(|| [0.0; WEIGHTS]), FLOW.init_with(|| [0.0; ARENA]))?;
    while pieces.work(BUDGET)? {
        embassy_futures::yield_now().await;
    }
    pieces.tell(&mut |line| common::print::<Dk>(line))
}

/// Fifty times a second: a sample of `wired.i2c` and, while the button is pressed, its label.
#[embassy_executor::task]
async fn sense(mut wired: Wired) {
    let mut ticker = Ticker::every(Duration::from_millis(20));
    loop {
        let _pressed = wired.pressed();
        ticker.next().await;
    }
}
