use std::io::{self, BufRead, Read};

/// The longest line that is read, in bytes: more than the longest post takes with every character
/// escaped.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// The lines of a file with their numbers, of which one at a time is in memory.
pub(super) struct Lines<R> {
    reader: R,
    number: u64,
    bytes: u64,
    buffer: Vec<u8>,
}

/// A line, or the reason why it cannot be read as text.
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    pub text: Result<&'a str, &'static str>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            number: 0,
            bytes: 0,
            buffer: Vec::new(),
        }
    }

    /// Lines read so far.
    pub(super) fn count(&self) -> u64 {
        self.number
    }

    /// Bytes read so far, line ends included.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next line without white space around it; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        // One byte more than a line may have tells a line of that length from a longer one.
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut self.reader)
            .take(limit)
            .read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.bytes += read as u64;
        let too_long = read as u64 == limit && self.buffer.last() != Some(&b'\n');
        let text = if too_long {
            self.bytes += self.reader.skip_until(b'\n')? as u64;
            Err("the line is longer than 256 KiB")
        } else {
            std::str::from_utf8(&self.buffer)
                .map(|text| text.trim_start_matches('\u{feff}').trim())
                .map_err(|_| "the line is not UTF-8")
        };
        Ok(Some(Line {
            number: self.number,
            text,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<(u64, Result<String, &'static str>)> {
        let mut lines = Lines::new(io::BufReader::with_capacity(7, bytes));
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            read.push((line.number, line.text.map(str::to_owned)));
        }
        assert_eq!(lines.bytes(), bytes.len() as u64);
        assert_eq!(lines.count(), read.len() as u64);
        read
    }

    #[test]
    fn lines_are_numbered_and_trimmed_with_any_line_end() {
        let lines = read(b"\xef\xbb\xbfone\r\n\n \t two\nthree");
        let expected = [(1, "one"), (2, ""), (3, "two"), (4, "three")];
        assert_eq!(lines, expected.map(|(n, text)| (n, Ok(text.to_owned()))));
    }

    #[test]
    fn a_line_that_is_too_long_or_not_text_costs_that_line_only() {
        let longest = "x".repeat(LINE_BYTES_MAX);
        let too_long = "y".repeat(LINE_BYTES_MAX + 1);
        let file = format!("{longest}\n{too_long}\nend");
        let lines = read(file.as_bytes());
        assert_eq!(lines[0], (1, Ok(longest)));
        assert!(lines[1].1.is_err());
        assert_eq!(lines[2], (3, Ok("end".to_owned())));

        let lines = read(b"\xff\xfe\nend\n");
        assert!(lines[0].1.is_err());
        assert_eq!(lines[1], (2, Ok("end".to_owned())));
    }
}
