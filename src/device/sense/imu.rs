//! Six axes of a Bosch BMI160, by the driver crate `bmi160`.

use super::Sensor;
use bmi160::interface::I2cInterface;
use bmi160::{
    AccelerometerPowerMode, AccelerometerRange, Bmi160, Error, GyroscopePowerMode, GyroscopeRange,
    SensorSelector, SlaveAddr,
};
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;

/// What the part answers to the question who it is (data sheet BST-BMI160-DS000, §2.11.1).
const CHIP: u8 = 0xd1;

/// An accelerometer and a gyroscope over I²C: x, y and z in g, within ±4, then x, y and z in degrees a
/// second, within ±1,000. Gestures of a hand stay within these.
#[derive(Debug)]
pub struct Imu<I2C> {
    driver: Bmi160<I2cInterface<I2C>>,
}

/// Why the part cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ImuError<E> {
    /// The bus failed.
    Bus(E),
    /// Another part answers at this address.
    Chip {
        /// What it says that it is; a BMI160 says 0xd1.
        got: u8,
    },
    /// The driver has nothing to say.
    Driver,
}

impl<E: core::fmt::Debug> core::fmt::Display for ImuError<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Bus(error) => write!(f, "the bus failed: {error:?}; look at wires and pull-ups"),
            Self::Chip { got } => write!(f, "a BMI160 says {CHIP:#04x}, this part {got:#04x}"),
            Self::Driver => f.write_str("the driver returned no sample"),
        }
    }
}

impl<E: core::fmt::Debug> core::error::Error for ImuError<E> {}

impl<E> From<Error<E>> for ImuError<E> {
    fn from(error: Error<E>) -> Self {
        match error {
            Error::Comm(error) => Self::Bus(error),
            Error::InvalidInputData => Self::Driver,
        }
    }
}

impl<I2C: I2c> Imu<I2C> {
    /// Wakes the part at its address 0x68, or 0x69 where its pin SDO is high, and sets its ranges. It takes
    /// 90 ms (data sheet BST-BMI160-DS000: 3.8 ms for the accelerometer, 80 for the gyroscope).
    ///
    /// # Errors
    /// Where the bus fails, and where another part answers.
    pub fn new(
        i2c: I2C,
        sdo_high: bool,
        delay: &mut impl DelayNs,
    ) -> Result<Self, ImuError<I2C::Error>> {
        let mut driver = Bmi160::new_with_i2c(i2c, SlaveAddr::Alternative(sdo_high));
        match driver.chip_id()? {
            CHIP => {}
            got => return Err(ImuError::Chip { got }),
        }
        driver.set_accel_power_mode(AccelerometerPowerMode::Normal)?;
        delay.delay_ms(5);
        driver.set_gyro_power_mode(GyroscopePowerMode::Normal)?;
        delay.delay_ms(85);
        driver.set_accel_range(AccelerometerRange::G4)?;
        driver.set_gyro_range(GyroscopeRange::Scale1000)?;
        Ok(Self { driver })
    }

    /// The driver, for what else the part can do. Other ranges need nothing else: the driver knows them.
    pub const fn driver(&mut self) -> &mut Bmi160<I2cInterface<I2C>> {
        &mut self.driver
    }

    /// Gives the bus back.
    pub fn release(self) -> I2C {
        self.driver.destroy()
    }
}

impl<I2C: I2c> Sensor<6> for Imu<I2C> {
    type Error = ImuError<I2C::Error>;

    fn sample(&mut self) -> Result<[f32; 6], Self::Error> {
        let data = self.driver.data_scaled(SensorSelector::new().accel().gyro())?;
        let (Some(a), Some(g)) = (data.accel, data.gyro) else { return Err(ImuError::Driver) };
        Ok([a.x, a.y, a.z, g.x, g.y, g.z])
    }
}
