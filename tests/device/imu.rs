//! A BMI160 on a bus that checks every byte against the data sheet's registers.

use embedded_hal::i2c::ErrorKind;
use embedded_hal_mock::eh1::delay::Transaction as Wait;
use embedded_hal_mock::eh1::delay::{CheckedDelay, NoopDelay};
use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
use idinit::device::sense::{Imu, ImuError, Sampler, Sensor, Standard, Windows};

const AT: u8 = 0x69;

/// CHIPID is read, CMD (0x7e) starts the accelerometer (0x11) and the gyroscope (0x15), ACC_RANGE (0x41) is set to
/// ±4 g (0b0101), GYR_RANGE (0x43) to ±1,000 °/s (0b001).
fn woken() -> Vec<Transaction> {
    vec![
        Transaction::write_read(AT, vec![0x00], vec![0xd1]),
        Transaction::write(AT, vec![0x7e, 0x11]),
        Transaction::write(AT, vec![0x7e, 0x15]),
        Transaction::write(AT, vec![0x41, 0b0101]),
        Transaction::write(AT, vec![0x43, 0b001]),
    ]
}

/// Six registers of the gyroscope from 0x0c on, and behind them six of the accelerometer, each little-endian.
fn sample(gyro: [i16; 3], accel: [i16; 3]) -> Transaction {
    let bytes = gyro.into_iter().chain(accel).flat_map(i16::to_le_bytes).collect();
    Transaction::write_read(AT, vec![0x0c], bytes)
}

fn waits() -> CheckedDelay {
    CheckedDelay::new(&[Wait::delay_ms(5), Wait::delay_ms(85)])
}

#[test]
fn six_axes_come_in_g_and_degrees_a_second() {
    let mut expected = woken();
    expected.push(sample([328, -32_768, 0], [8_192, -8_192, 32_767]));
    let mut delay = waits();
    let mut imu = Imu::new(Mock::new(&expected), true, &mut delay).unwrap();
    // 8,192 steps a g at ±4 g, 32.8 a degree a second at ±1,000
    let [ax, ay, az, gx, gy, gz] = imu.sample().unwrap();
    assert_eq!([ax, ay, az], [1.0, -1.0, 32_767.0 / 8_192.0]);
    assert!((gx - 10.0).abs() < 1e-5 && (gy + 999.02).abs() < 0.01 && gz == 0.0, "{gx} {gy} {gz}");
    imu.release().done();
    delay.done();
}

#[test]
fn another_part_and_a_bus_without_any_are_told_apart() {
    let mut bus = Mock::new(&[Transaction::write_read(AT, vec![0x00], vec![0x68])]);
    let refused = Imu::new(bus.clone(), true, &mut NoopDelay::new());
    assert_eq!(refused.unwrap_err(), ImuError::Chip { got: 0x68 });
    bus.done();
    let nobody = Transaction::write_read(AT, vec![0x00], vec![0]).with_error(ErrorKind::Other);
    let mut bus = Mock::new(&[nobody]);
    let refused = Imu::new(bus.clone(), true, &mut NoopDelay::new());
    assert_eq!(refused.unwrap_err(), ImuError::Bus(ErrorKind::Other));
    bus.done();
}

/// A read that fails in the middle of a window is counted, and the window begins behind it.
#[test]
fn a_read_that_fails_is_a_gap() {
    let mut expected = woken();
    for i in 0..6 {
        let read = sample([0; 3], [8_192 * (i % 4), 0, 0]);
        expected.push(if i == 1 { read.with_error(ErrorKind::Bus) } else { read });
    }
    let mut delay = waits();
    let mut bus = Mock::new(&expected);
    let imu = Imu::new(bus.clone(), true, &mut delay).unwrap();
    delay.done();
    let mut sampler = Sampler::new(imu);
    let mut windows = Windows::<6, 3>::new(3, Standard::fixed([0.0; 6], [1.0; 6]));
    let mut pace = CheckedDelay::new(&vec![Wait::delay_us(500); 5]);
    let failed = windows.fill(&mut sampler, &mut pace, 500);
    assert_eq!(failed.unwrap_err(), ImuError::Bus(ErrorKind::Bus));
    let window = windows.fill(&mut sampler, &mut pace, 500).unwrap();
    assert_eq!(window.map(|sample| sample[0]), [2.0, 3.0, 0.0]);
    let counts = windows.counts();
    assert_eq!((counts.taken, counts.failed, counts.lost), (4, 1, 0));
    pace.done();
    assert_eq!(sampler.read().unwrap().number, 5);
    bus.done();
}
