use std::{
    path::Path,
    time::{Duration, Instant},
};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use ripple_store::{ImportCounts, transfer::BadLine};

/// Bad lines that are printed; the rest is counted.
const BAD_LINES_PRINTED_MAX: u64 = 200;

/// Shows how far an import is, and sums it up. The bar is drawn on a terminal only.
pub(super) struct Progress {
    file: String,
    bar: ProgressBar,
    begun: Instant,
    lines: u64,
    bad: u64,
    counts: ImportCounts,
}

impl Progress {
    /// Begins to import `file` of `bytes` bytes, where known.
    pub(super) fn begin(file: &Path, bytes: Option<u64>) -> Self {
        let bar = match bytes {
            Some(bytes) => ProgressBar::new(bytes).with_style(style(
                "{bar:40} {percent:>3} %  {msg}  {elapsed} of about {duration}",
            )),
            None => ProgressBar::new_spinner().with_style(style("{spinner} {msg}  {elapsed}")),
        };
        bar.enable_steady_tick(Duration::from_millis(200));
        Self {
            file: file.display().to_string(),
            bar,
            begun: Instant::now(),
            lines: 0,
            bad: 0,
            counts: ImportCounts::default(),
        }
    }

    /// A batch is done.
    pub(super) fn batch(&mut self, lines: u64, bytes: u64, counts: ImportCounts, bad: &[BadLine]) {
        self.lines = lines;
        self.counts.added += counts.added;
        self.counts.known += counts.known;
        self.counts.left_out += counts.left_out;
        self.counts.users_created += counts.users_created;
        for line in bad {
            self.bad += 1;
            if self.bad <= BAD_LINES_PRINTED_MAX {
                let BadLine { number, reason } = line;
                self.bar
                    .suspend(|| eprintln!("{}:{number}: {reason}", self.file));
            }
        }
        self.bar.set_position(bytes);
        self.bar.set_message(format!("{} lines", HumanCount(lines)));
    }

    /// The import is at its end. Returns the summary.
    pub(super) fn finish(self) -> Summary {
        self.bar.finish_and_clear();
        let unprinted = self.bad.saturating_sub(BAD_LINES_PRINTED_MAX);
        if unprinted > 0 {
            eprintln!("{}: {} bad lines more", self.file, HumanCount(unprinted));
        }
        Summary {
            lines: self.lines,
            bad: self.bad,
            counts: self.counts,
            time: self.begun.elapsed(),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // A template that cannot be read would be a mistake in this file; the usual bar does as well.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// What an import did.
pub(super) struct Summary {
    lines: u64,
    bad: u64,
    counts: ImportCounts,
    time: Duration,
}

impl Summary {
    /// Whether there were lines, and none could be used.
    pub(super) fn is_all_bad(&self) -> bool {
        self.bad > 0 && self.counts.added + self.counts.known == 0
    }

    /// Whether something was added.
    pub(super) fn added_any(&self) -> bool {
        self.counts.added > 0
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.time.as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people, of positive numbers"
        )]
        let lines_per_s = (self.lines as f64 / seconds.max(0.001)) as u64;
        let ImportCounts {
            added,
            known,
            left_out,
            users_created,
        } = self.counts;
        write!(
            f,
            "{} added, {} known, ",
            HumanCount(added),
            HumanCount(known)
        )?;
        if left_out > 0 {
            write!(f, "{} left out, ", HumanCount(left_out))?;
        }
        write!(
            f,
            "{} bad, {} users created: {} lines in {seconds:.1} s, {} lines/s",
            HumanCount(self.bad),
            HumanCount(users_created),
            HumanCount(self.lines),
            HumanCount(lines_per_s),
        )
    }
}
