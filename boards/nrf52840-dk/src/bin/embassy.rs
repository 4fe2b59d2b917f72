//! A device that learns, by embassy: sensing is a task, and training another that lets it go first after each piece.
//! Between them is a channel.

#![no_std]
#![no_main]

use board::{Dk, Wired};
use common::pieces::{Digit, Digits, Lent, Pieces};
use embassy_executor::Spawner;
use embassy_sync::{blocking_mutex::raw::ThreadModeRawMutex, channel::Channel};
use embassy_time::{Duration, Instant, Ticker};
use idinit::device::learn::{Budget, LearnError};
use static_cell::ConstStaticCell;

/// Microseconds of learning at once: until the step is over that ends behind them, nothing else happens.
const BUDGET: u64 = 2_000;

static MEMORY: ConstStaticCell<Lent> = ConstStaticCell::new(Lent::ZEROS);
static LABELLED: Channel<ThreadModeRawMutex, Digit, 2> = Channel::new();

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let wired = Dk::start();
    // fails only where it is spawned already
    if let Ok(token) = sense(wired) {
        spawner.spawn(token);
    }
    common::end::<Dk, _>(learn().await)
}

async fn learn() -> Result<(), LearnError> {
    let mut pieces = Pieces::new(MEMORY.take())?;
    while !pieces.is_done() {
        if pieces.is_idle() {
            pieces.label(&LABELLED.receive().await)?;
        }
        pieces.work(Budget::micros(BUDGET, || Instant::now().as_micros()))?;
        embassy_futures::yield_now().await;
    }
    pieces.tell(&mut |line| common::print::<Dk>(line))
}

/// Fifty times a second: a sample of `wired.i2c` and, while the button is pressed, its label.
#[embassy_executor::task]
async fn sense(mut wired: Wired) {
    let (mut ticker, mut digits) = (Ticker::every(Duration::from_millis(20)), Digits::NEW);
    loop {
        let _pressed = wired.pressed();
        if !LABELLED.is_full()
            && let Some(digit) = digits.next()
        {
            LABELLED.send(digit).await;
        }
        ticker.next().await;
    }
}
