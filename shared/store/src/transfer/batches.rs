use std::io::{self, BufRead};

use super::lines::Lines;

/// Follows that are committed at a time.
pub const FOLLOWS_A_BATCH: usize = 10_000;
/// Posts that are committed at a time: each is several records and up to two jobs.
pub const POSTS_A_BATCH: usize = 1_000;

/// A kind of file: what its lines mean.
pub trait Format {
    /// What a line holds.
    type Item;

    /// Reads a line that is not empty; `None` for a comment. The error is the reason, for people.
    fn parse(&mut self, line: &str) -> Result<Option<Self::Item>, String>;
}

/// A line that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Counted from 1.
    pub number: u64,
    /// Why it cannot be used.
    pub reason: String,
}

/// Some consecutive lines of a file.
#[derive(Clone, Debug)]
pub struct Batch<T> {
    /// What the good lines hold, with their numbers.
    pub items: Vec<(u64, T)>,
    /// The lines that were skipped.
    pub bad: Vec<BadLine>,
    /// Lines of the file up to here.
    pub lines: u64,
    /// Bytes of the file up to here.
    pub bytes: u64,
}

/// Reads a file as batches, one at a time. After an error of reading it ends.
pub struct Batches<R, F> {
    lines: Lines<R>,
    format: F,
    items_max: usize,
    ended: bool,
}

/// The text of the lines in a batch stays below this, so that a batch fits in one request.
const BATCH_BYTES_MAX: u64 = 2 * 1024 * 1024;

impl<R: BufRead, F: Format> Batches<R, F> {
    /// Reads `reader` in batches of up to `items_max` lines.
    pub fn new(reader: R, format: F, items_max: usize) -> Self {
        Self {
            lines: Lines::new(reader),
            format,
            items_max,
            ended: false,
        }
    }

    fn read(&mut self) -> io::Result<Option<Batch<F::Item>>> {
        let mut items = Vec::new();
        let mut bad = Vec::new();
        let start = self.lines.bytes();
        while items.len() + bad.len() < self.items_max
            && self.lines.bytes() - start < BATCH_BYTES_MAX
        {
            let Some(line) = self.lines.next()? else {
                self.ended = true;
                break;
            };
            let number = line.number;
            let parsed = match line.text {
                Ok("") => Ok(None),
                Ok(text) => self.format.parse(text),
                Err(reason) => Err(reason.to_owned()),
            };
            match parsed {
                Ok(item) => items.extend(item.map(|item| (number, item))),
                Err(reason) => bad.push(BadLine { number, reason }),
            }
        }
        let read_nothing = self.lines.bytes() == start;
        Ok((!read_nothing).then(|| Batch {
            items,
            bad,
            lines: self.lines.count(),
            bytes: self.lines.bytes(),
        }))
    }
}

impl<R: BufRead, F: Format> Iterator for Batches<R, F> {
    type Item = io::Result<Batch<F::Item>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.read().transpose();
        self.ended |= !matches!(batch, Some(Ok(_)));
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbers;

    impl Format for Numbers {
        type Item = u32;

        fn parse(&mut self, line: &str) -> Result<Option<u32>, String> {
            if line.starts_with('#') {
                return Ok(None);
            }
            line.parse().map(Some).map_err(|_| "no number".to_owned())
        }
    }

    fn batches(file: &str, items_max: usize) -> Vec<Batch<u32>> {
        let batches = Batches::new(file.as_bytes(), Numbers, items_max);
        batches.map(Result::unwrap).collect()
    }

    #[test]
    fn a_file_comes_in_batches_with_the_numbers_of_its_lines() {
        let batches = batches("# head\n1\n\nx\n2\n3\n", 3);
        assert_eq!(batches.len(), 2);
        assert_eq!(batches[0].items, [(2, 1), (5, 2)]);
        assert_eq!(batches[0].bad[0].number, 4);
        assert_eq!((batches[0].lines, batches[1].lines), (5, 6));
        assert_eq!(batches[1].items, [(6, 3)]);
    }

    #[test]
    fn an_empty_file_has_no_batch() {
        assert!(batches("", 3).is_empty());
        assert_eq!(batches("# nothing\n", 3).len(), 1);
    }

    #[test]
    fn a_batch_is_bounded_in_bytes() {
        let comment = format!("#{}\n", "x".repeat(200_000));
        let batches = batches(&comment.repeat(30), 1_000);
        assert_eq!(batches.len(), 3);
        assert_eq!(batches[2].lines, 30);
    }

    #[test]
    fn a_reader_that_fails_ends_the_batches() {
        struct Broken;
        impl io::Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let mut batches = Batches::new(io::BufReader::new(Broken), Numbers, 3);
        assert!(batches.next().unwrap().is_err());
        assert!(batches.next().is_none());
    }
}
