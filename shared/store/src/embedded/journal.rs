//! The journals, looked through before fjall opens them.
//!
//! fjall 3.1 cuts a journal off at some kinds of damage, cannot be opened at all after others (a page
//! of a half-written commit that never reached the disk, say), and overlooks a damaged sequence
//! number. So that a half-written end never keeps a folder from being opened, and every loss is
//! noticed in one way, each journal is cut here at the first thing that is no whole batch. Whether
//! that was the half-written end or held acknowledged commits is for their numbers to tell: see
//! [`super::sequence`].

use std::{
    fs::{self, File},
    io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::Xxh3;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: [u8; 4] = *b"FJL\x03";

/// Cuts every journal in fjall's folder off after its last whole batch.
pub(super) fn cut_ends(store: &Path) -> io::Result<()> {
    for path in journals(store)? {
        let file = File::options().read(true).write(true).open(&path)?;
        let len = file.metadata()?.len();
        let whole = Batches::new(&file, len).whole_len()?;
        // A journal is made of zeros at first. A whole one that is in use ends with them, and fjall
        // cuts these off by itself.
        if whole < len && !is_zero(&file, whole)? {
            let aside = path.with_extension("cut");
            tracing::warn!(
                journal = %path.display(),
                at = whole,
                kept = %aside.display(),
                "cutting off the end of a journal"
            );
            keep_aside(&file, whole, &aside)?;
            file.set_len(whole)?;
            file.sync_all()?;
        }
    }
    Ok(())
}

/// Copies a file's end to another file, less the zeros that it ends with: what is cut off is kept, for
/// whoever has to find out what happened.
fn keep_aside(mut file: &File, from: u64, aside: &Path) -> io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let len = end
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    fs::write(aside, &end[..len])
}

fn journals(store: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(store) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|it| it == "jnl");
    paths
        .filter(|path| path.as_ref().map_or(true, is_journal))
        .collect()
}

/// Whether a file holds nothing but zeros from `from` on.
fn is_zero(mut file: &File, from: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(from))?;
    let mut chunk = vec![0; 1 << 16];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(true),
            n if chunk[..n].iter().any(|byte| *byte != 0) => return Ok(false),
            _ => {}
        }
    }
}

/// Reads the batches of a journal in fjall's format.
struct Batches<'a> {
    input: BufReader<&'a File>,
    read: u64,
    len: u64,
    items: Xxh3,
}

impl<'a> Batches<'a> {
    fn new(file: &'a File, len: u64) -> Self {
        Self {
            input: BufReader::with_capacity(1 << 16, file),
            read: 0,
            len,
            items: Xxh3::new(),
        }
    }

    /// The length of the journal up to its last whole batch.
    fn whole_len(mut self) -> io::Result<u64> {
        let (mut whole, mut newest) = (0, 0);
        loop {
            match self.batch() {
                // They are written in the order of their sequence numbers.
                Ok(Some(seqno)) if seqno >= newest => (whole, newest) = (self.read, seqno),
                Ok(_) => return Ok(whole),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(whole),
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads a batch: its sequence number, or `None` when it is not whole.
    fn batch(&mut self) -> io::Result<Option<u64>> {
        if self.bytes()? != [START] {
            return Ok(None);
        }
        let items = u32::from_le_bytes(self.bytes()?);
        let seqno = u64::from_le_bytes(self.bytes()?);
        self.items.reset();
        for _ in 0..items {
            if !self.item()? {
                return Ok(None);
            }
        }
        let sum = self.items.digest();
        let is_whole = self.bytes()? == [END]
            && u64::from_le_bytes(self.bytes()?) == sum
            && self.bytes()? == TRAILER;
        Ok(is_whole.then_some(seqno))
    }

    /// Reads an item, as it counts in the batch's checksum; whether it is one.
    fn item(&mut self) -> io::Result<bool> {
        let tag = self.summed()?;
        if tag == [CLEAR] {
            let _keyspace: [u8; 8] = self.summed()?;
            return Ok(true);
        }
        // What it is, how it is compressed, the keyspace.
        let _: [u8; 10] = self.summed()?;
        let key_len = u16::from_le_bytes(self.summed()?);
        let _value_len: [u8; 4] = self.summed()?;
        let stored_len = u32::from_le_bytes(self.summed()?);
        let len = u64::from(key_len) + u64::from(stored_len);
        if tag != [ITEM] || len > self.len - self.read {
            return Ok(false);
        }
        self.sum(len)?;
        Ok(true)
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        self.read += N as u64;
        Ok(bytes)
    }

    fn summed<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let bytes = self.bytes()?;
        self.items.update(&bytes);
        Ok(bytes)
    }

    fn sum(&mut self, mut len: u64) -> io::Result<()> {
        let mut chunk = [0; 4_096];
        while len > 0 {
            let n = usize::try_from(len).map_or(chunk.len(), |len| len.min(chunk.len()));
            self.input.read_exact(&mut chunk[..n])?;
            self.items.update(&chunk[..n]);
            self.read += n as u64;
            len -= n as u64;
        }
        Ok(())
    }
}
