//! The W3C trace context that a request hands to the jobs that it causes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A `traceparent` of version 00 (<https://www.w3.org/TR/trace-context/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TraceContext {
    /// The trace that the request belongs to; never zero.
    pub trace_id: u128,
    /// The caller's span; never zero.
    pub parent_id: u64,
    /// Trace flags; bit 0 says that the caller samples.
    pub flags: u8,
}

/// The text is no `traceparent`; the standard says to go on as if none had been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent")]
pub struct InvalidTraceparent;

impl FromStr for TraceContext {
    type Err = InvalidTraceparent;

    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        let mut parts = text.split('-');
        let version = hex(parts.next(), 2)?;
        let trace_id = hex(parts.next(), 32)?;
        let parent_id = hex(parts.next(), 16)?;
        let flags = hex(parts.next(), 2)?;
        // A later version may append parts; version 00 has exactly four, and ff is forbidden.
        let ends_well = version != 0 || parts.next().is_none();
        if version == 0xff || trace_id == 0 || parent_id == 0 || !ends_well {
            return Err(InvalidTraceparent);
        }
        let parent_id = u64::try_from(parent_id).map_err(|_| InvalidTraceparent)?;
        let flags = u8::try_from(flags).map_err(|_| InvalidTraceparent)?;
        Ok(Self {
            trace_id,
            parent_id,
            flags,
        })
    }
}

fn hex(part: Option<&str>, digits: usize) -> Result<u128, InvalidTraceparent> {
    let part = part.filter(|part| {
        part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    });
    u128::from_str_radix(part.ok_or(InvalidTraceparent)?, 16).map_err(|_| InvalidTraceparent)
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id, self.parent_id, self.flags
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn reads_and_writes_a_traceparent() {
        let context: TraceContext = EXAMPLE.parse().unwrap();
        assert_eq!(context.to_string(), EXAMPLE);
    }

    #[test]
    fn what_is_no_traceparent_is_refused() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(
                text.parse::<TraceContext>(),
                Err(InvalidTraceparent),
                "{text}"
            );
        }
    }
}
