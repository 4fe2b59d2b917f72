use super::*;
use crate::math;
use crate::rule::philox;
use heapless::spsc::Queue;
use std::vec::Vec;

const PLAIN: Standard<2> = Standard::fixed([0.0; 2], [1.0; 2]);

/// Samples whose first number is their place.
fn ramp(count: usize) -> Vec<[f32; 2]> {
    (0..count).map(|i| [i as f32, 1.0]).collect()
}

#[test]
fn windows_hop_and_overlap() {
    let samples = ramp(20);
    for (hop, want) in [(1, (0..=15).collect()), (3, vec![0, 3, 6, 9, 12, 15]), (7, vec![0, 7, 14])]
    {
        let mut sampler = Sampler::new(Replay::new(&samples));
        let mut windows = Windows::<2, 5>::new(hop, PLAIN);
        let mut begun = vec![];
        while let Ok(reading) = sampler.read() {
            if let Some(window) = windows.take(reading) {
                let first = window[0][0] as usize;
                begun.push(first);
                assert_eq!(window[..], samples[first..first + 5]);
            }
        }
        assert_eq!(begun, want, "hop {hop}");
        assert_eq!(windows.counts(), Counts { taken: 20, failed: 0, lost: 0 });
    }
}

/// What a timer's interrupt reads while the main loop is busy is lost, counted, and in no window.
#[test]
fn a_full_queue_loses_no_sample_silently() {
    let samples = ramp(40);
    let mut queue = Queue::<Reading<2>, 9>::new();
    let (mut producer, mut consumer) = queue.split();
    let mut sampler = Sampler::new(Replay::new(&samples));
    let mut windows = Windows::<2, 4>::new(4, PLAIN);
    let mut ticks = |count| {
        let full = |_: &u32| sampler.tick(&mut producer) == Err(Missed::Full);
        (0..count).filter(full).count()
    };
    let mut begun = vec![];
    let mut drain = |windows: &mut Windows<2, 4>| {
        while let Some(window) = windows.drain(&mut consumer) {
            assert!(window.windows(2).all(|pair| pair[1][0] == pair[0][0] + 1.0), "{window:?}");
            begun.push(window[0][0]);
        }
    };
    // 0 … 5 go through; of 6 … 18 eight are kept, and five lost; then 19 … 29
    assert_eq!(ticks(6), 0);
    drain(&mut windows);
    assert_eq!(ticks(13), 5);
    drain(&mut windows);
    assert_eq!(windows.counts(), Counts { taken: 14, failed: 0, lost: 0 });
    assert_eq!(ticks(5), 0);
    drain(&mut windows);
    assert_eq!(windows.counts(), Counts { taken: 19, failed: 0, lost: 5 });
    assert_eq!(begun, [0.0, 4.0, 8.0, 19.0]);
}

#[test]
fn failed_reads_and_numbers_that_are_none_are_gaps() {
    let mut i = 0;
    let mut sampler = Sampler::new(move || {
        i += 1;
        match i {
            3 | 4 => Err(i),
            9 => Ok([f32::NAN]),
            _ => Ok([i as f32]),
        }
    });
    let mut windows = Windows::<1, 2>::new(1, Standard::fixed([0.0], [1.0]));
    let mut ends = vec![];
    for _ in 0..12 {
        let window = sampler.read().ok().and_then(|reading| windows.take(reading));
        ends.extend(window.map(|window| window[1][0]));
    }
    assert_eq!(ends, [2.0, 6.0, 7.0, 8.0, 11.0, 12.0]);
    assert_eq!(windows.counts(), Counts { taken: 9, failed: 3, lost: 0 });
}

#[test]
fn a_count_of_all_numbers_goes_round() {
    let mut windows = Windows::<1, 1>::new(1, Standard::fixed([0.0], [1.0]));
    let mut take = |number, failed| {
        assert!(windows.take(Reading { number, failed, sample: [1.0] }).is_some());
        windows.counts()
    };
    assert_eq!(take(u32::MAX - 1, u32::MAX).failed, u32::MAX - 1);
    assert_eq!(take(1, 0), Counts { taken: 2, failed: u32::MAX, lost: 1 });
    assert_eq!(take(4, 1), Counts { taken: 3, failed: u32::MAX, lost: 2 });
}

/// Mean and variance of all samples, by the two-pass definition in f64.
#[test]
fn the_standard_is_that_of_all_samples() {
    let samples: Vec<[f32; 2]> = (0..5_000)
        .map(|i| philox([i, 0, 0, 0], [1, 0]))
        .map(|[a, b, ..]| [1_000.0 + (a >> 8) as f32 / 16_777_216.0, (b >> 8) as f32 - 8e6])
        .collect();
    let mut standard = Standard::<2>::new(u32::MAX);
    samples.iter().for_each(|sample| standard.observe(sample));
    for axis in 0..2 {
        let all = || samples.iter().map(|sample| f64::from(sample[axis]));
        let mean = all().sum::<f64>() / 5_000.0;
        let variance = all().map(|x| (x - mean) * (x - mean)).sum::<f64>() / 5_000.0;
        // 5,000 roundings of f32, of numbers up to 1,000 where the deviation is 0.3
        let close = |got: f32, want: f64, by: f64| (f64::from(got) - want).abs() < by;
        let deviation = math::sqrt(variance as f32);
        assert!(close(standard.mean()[axis], mean, f64::from(0.02 * deviation)), "{axis}");
        assert!(close(standard.variance()[axis], variance, 0.01 * variance), "{axis}");
    }
    let mut sample = [1_000.0 + 0.5, 8_388_608.0 - 8e6];
    standard.apply(&mut sample);
    assert!(sample.iter().all(|x| x.abs() < 0.05), "{sample:?}");
}

#[test]
fn a_short_memory_follows_a_drift() {
    let mut standard = Standard::<1>::new(50);
    let noise = |i: u32| if i.is_multiple_of(2) { 0.5 } else { -0.5 };
    (0..1_000).for_each(|i| standard.observe(&[10.0 + noise(i)]));
    assert!((standard.mean()[0] - 10.0).abs() < 0.02);
    (0..1_000).for_each(|i| standard.observe(&[-3.0 + noise(i)]));
    assert!((standard.mean()[0] + 3.0).abs() < 0.02);
    // (1 − 1 / 50)¹⁰⁰⁰ of (13 / 2)² are left, which is nothing
    assert!((standard.variance()[0] - 0.25).abs() < 0.01, "{:?}", standard.variance());
}

#[test]
fn what_has_not_moved_and_what_is_no_number_does_no_harm() {
    let mut standard = Standard::<2>::new(100);
    let mut sample = [5.0, 5.0];
    standard.observe(&sample);
    standard.apply(&mut sample);
    assert_eq!(sample, [0.0, 0.0]);
    standard.observe(&[f32::NAN, 7.0]);
    standard.observe(&[3e38, 6.0]);
    standard.observe(&[-3e38, 6.0]);
    assert!(standard.numbers().iter().all(|number| number.is_finite()), "{standard:?}");
    assert_eq!(standard.mean()[1], 6.0);
}

#[test]
fn the_standard_is_kept_as_numbers() {
    let mut standard = Standard::<3>::new(100);
    (0..9).for_each(|i| standard.observe(&[i as f32, 2.0, -(i as f32)]));
    let mut other = Standard::<3>::new(100);
    assert_eq!(standard.numbers().len(), 9);
    other.numbers_mut().copy_from_slice(standard.numbers());
    assert_eq!(other, standard);
}
