//! The line to a device: a serial port, or a socket of an emulator or a bridge.

use crate::failure::Failure;
use clap::Args;
use idinit::device::talk::{Client, Info, TalkError};
use serialport::ErrorKind;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime};

/// How long a line is read before the clock is looked at.
const GLANCE: Duration = Duration::from_millis(50);
/// How long a connection may take.
const CONNECTING: Duration = Duration::from_secs(5);
/// How long a line may not take bytes.
const STUCK: Duration = Duration::from_secs(5);

/// What both sockets and serial ports are.
pub trait Line: Read + Write {}

impl<L: Read + Write> Line for L {}

/// A client of a device.
pub type Talk = Client<Box<dyn Line>>;

/// Where a device is.
#[derive(Args, Clone)]
pub struct Port {
    /// The line to the device: a serial port, tcp:HOST:PORT or unix:PATH
    port: String,
    /// Bits a second of a serial port
    #[arg(long, value_name = "RATE", default_value_t = 115_200)]
    baud: u32,
    /// How long an answer is waited for, each of the eight times that is asked
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    wait: Duration,
}

/// Seconds, from a thousandth to an hour.
pub fn seconds(text: &str) -> Result<Duration, &'static str> {
    let wants = "seconds, from 0.001 to 3600";
    match text.parse() {
        Ok(seconds @ 0.001..=3600.0) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(wants),
    }
}

impl Port {
    /// Opens the line, and begins a session.
    pub fn open(&self) -> Result<(Talk, Info), Failure> {
        let line = self.line().map_err(|why| self.failed(why))?;
        let mut talk = Client::new(line);
        talk.patience = self.wait;
        let info = self.greet(&mut talk)?;
        Ok((talk, info))
    }

    /// Begins a session.
    pub fn greet(&self, talk: &mut Talk) -> Result<Info, Failure> {
        self.told(talk.hello(nonce()))
    }

    /// What came of a request, or why it did not.
    pub fn told<T>(&self, result: Result<T, TalkError>) -> Result<T, Failure> {
        result.map_err(|error| self.failed(error))
    }

    /// A failure at this port.
    pub fn failed(&self, why: impl fmt::Display) -> Failure {
        Failure::failed(format!("{}: {why}", self.port))
    }

    fn line(&self) -> Result<Box<dyn Line>, String> {
        let said = |error: io::Error| match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                format!("nobody listens there: is the emulator running? ({error})")
            }
            io::ErrorKind::InvalidInput => format!("want tcp:HOST:PORT ({error})"),
            _ => error.to_string(),
        };
        if let Some(address) = self.port.strip_prefix("tcp:") {
            return tcp(address).map_err(said);
        }
        #[cfg(unix)]
        if let Some(path) = self.port.strip_prefix("unix:") {
            return unix(path).map_err(said);
        }
        let port = serialport::new(&self.port, self.baud).timeout(GLANCE).open();
        match port {
            Ok(port) => Ok(Box::new(port)),
            Err(error) => Err(refused(&error)),
        }
    }
}

fn tcp(address: &str) -> io::Result<Box<dyn Line>> {
    let mut line = Err(io::Error::from(io::ErrorKind::AddrNotAvailable));
    for address in address.to_socket_addrs()? {
        line = TcpStream::connect_timeout(&address, CONNECTING);
        if line.is_ok() {
            break;
        }
    }
    let line = line?;
    line.set_read_timeout(Some(GLANCE))?;
    line.set_write_timeout(Some(STUCK))?;
    line.set_nodelay(true)?;
    Ok(Box::new(line))
}

#[cfg(unix)]
fn unix(path: &str) -> io::Result<Box<dyn Line>> {
    let line = UnixStream::connect(path)?;
    line.set_read_timeout(Some(GLANCE))?;
    line.set_write_timeout(Some(STUCK))?;
    Ok(Box::new(line))
}

/// Why a serial port is none, and what to do.
fn refused(error: &serialport::Error) -> String {
    match error.kind() {
        ErrorKind::NoDevice | ErrorKind::Io(io::ErrorKind::NotFound) => {
            format!("there is no such port; {}", others())
        }
        ErrorKind::Io(io::ErrorKind::PermissionDenied) => {
            "no permission: add yourself to the group that owns it, mostly dialout, by `sudo usermod \
             -aG dialout $USER`, and log in again"
                .to_string()
        }
        ErrorKind::InvalidInput => format!("the port has no such --baud ({error})"),
        _ => format!("{error}; does another program have it open, and is it a serial port?"),
    }
}

fn others() -> String {
    let ports = serialport::available_ports().unwrap_or_default();
    let names: Vec<String> = ports.into_iter().map(|port| port.port_name).collect();
    match &names[..] {
        [] => "none is plugged in".to_string(),
        names => format!("here are {}", names.join(", ")),
    }
}

/// Four bytes that no session before had.
fn nonce() -> [u8; 4] {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (now.as_micros() as u32 ^ std::process::id().rotate_left(16)).to_le_bytes()
}
