//! TCP: addresses, time limits, and channels that have them.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::time::Duration;

use addax::mpc::Channel;
use anyhow::{Context, Result, bail};

/// `HOST:PORT`. The host is looked up when it is used.
#[derive(Clone, Debug)]
pub struct Address(String);

impl Address {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{what}; an address is HOST:PORT, such as 127.0.0.1:7700");
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| wrong("it has no port"))?;
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        port.parse::<u16>()
            .map_err(|_| wrong("its port is not a number up to 65535"))?;
        Ok(Self(text.to_owned()))
    }
}

/// Parses a time limit in seconds.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let wrong = || "it is not a number of seconds between 0.001 and 1000000".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if (0.001..=1e6).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(wrong())
    }
}

/// A channel in which no message may take longer than `timeout`.
pub fn channel(stream: TcpStream, timeout: Duration) -> io::Result<Channel<TcpStream>> {
    stream.set_nodelay(true)?;
    // The stream notices a silent peer, the channel one that sends a byte now and then.
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let mut channel = Channel::new(stream);
    channel.set_deadline(Some(timeout));
    Ok(channel)
}

/// Connects to a server, trying each address that its name stands for.
///
/// # Errors
/// No such host, or nobody who listens there.
pub fn connect(address: &Address, timeout: Duration) -> Result<Channel<TcpStream>> {
    let name = address.as_str();
    let candidates = name
        .to_socket_addrs()
        .with_context(|| format!("the server's name in {name} cannot be looked up"))?;
    let mut last = None;
    for candidate in candidates {
        match TcpStream::connect_timeout(&candidate, timeout) {
            Ok(stream) => return Ok(channel(stream, timeout)?),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) => Err(error).with_context(|| {
            format!("cannot connect to {name} (is `addax serve --listen {name}` running there?)")
        }),
        None => bail!("the server's name in {name} stands for no address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_host_and_a_port() {
        for good in ["127.0.0.1:0", "localhost:7700", "[::1]:65535"] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "localhost",
            ":7700",
            "localhost:",
            "localhost:65536",
            "localhost:http",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_limit_is_a_positive_number_of_seconds() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for bad in ["0", "-1", "NaN", "inf", "1e9", "soon"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
