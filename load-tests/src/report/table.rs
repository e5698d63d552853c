//! A report on the terminal.

use super::{
    model::{LimitKind, Misplaced, Report},
    rows::{self, FIGURES, MEMORY},
    style::{Style, Tone},
    text::Text,
    units::{count, with_unit},
    words,
};

/// At most so many misplaced posts are named.
const NAMED_MAX: usize = 10;

/// The whole report as text that ends with a line break.
pub fn render(report: &Report, style: &Style) -> String {
    let mut text = Text::new(*style);
    text.head(report);
    text.operations(report);
    text.tiers(report);
    text.limits(report);
    text.memory(report);
    text.faults(report);
    text.verification(report);
    text.saturation(report);
    text.verdict(report);
    text.written
}

impl Text {
    fn good_or_bad(&self, is_good: bool, text: impl Into<String>) -> String {
        let tone = if is_good { Tone::Good } else { Tone::Bad };
        self.style.paint(tone, text)
    }

    fn head(&mut self, report: &Report) {
        let title = format!("Load test: {}", report.scenario);
        let title = self.style.paint(Tone::Heading, title);
        self.line(&title);
        self.line(&report.description);
        self.blank();
        self.pairs(words::circumstances(report));
    }

    fn operations(&mut self, report: &Report) {
        if report.operations.is_empty() {
            return;
        }
        self.heading("Operations");
        let rows: Vec<_> = rows::operations(report)
            .into_iter()
            .map(|row| {
                let bad = self.style.paint(Tone::Bad, row.bad);
                [
                    row.name,
                    row.wanted,
                    row.reached,
                    row.scheduled,
                    row.good,
                    bad,
                ]
            })
            .collect();
        let header = [
            "operation",
            "wanted/s",
            "good/s",
            "due",
            "share good",
            "bad",
        ];
        self.table(header, 1..5, rows);

        self.heading("Operations: from the moment at which a request was due to its answer");
        let [p50, p90, p99, p999, max] = FIGURES;
        let header = ["operation", "count", p50, p90, p99, p999, max];
        let rows = rows::operations(report).into_iter().map(|row| {
            let [p50, p90, p99, p999, max] = row.figures;
            [row.name, row.count, p50, p90, p99, p999, max]
        });
        self.table(header, 1..7, rows);
    }

    fn tiers(&mut self, report: &Report) {
        if report.tiers.is_empty() {
            return;
        }
        self.heading("Tiers: how long posts took to where readers see them");
        let [p50, p90, p99, p999, max] = FIGURES;
        let header = ["seen by", "count", p50, p90, p99, p999, max, "unseen"];
        let mut table = Vec::new();
        for (tier, rows) in rows::tiers(report) {
            let mut heading: [String; 8] = Default::default();
            heading[0] = self.style.paint(Tone::Heading, tier);
            table.push(heading);
            for row in rows {
                let unseen = self.style.paint(Tone::Bad, row.not_seen);
                let [p50, p90, p99, p999, max] = row.figures;
                let seen_by = format!("\u{a0}\u{a0}{}", row.seen_by);
                let cells = [seen_by, row.count, p50, p90, p99, p999, max];
                let [seen_by, count, p50, p90, p99, p999, max] = if row.is_aside {
                    cells.map(|cell| self.style.paint(Tone::Quiet, cell))
                } else {
                    cells
                };
                table.push([seen_by, count, p50, p90, p99, p999, max, unseen]);
            }
        }
        self.table(header, 1..8, table);
    }

    fn limits(&mut self, report: &Report) {
        for (kind, heading) in [
            (LimitKind::Promise, "Promises"),
            (LimitKind::Budget, "Budgets"),
        ] {
            let limits = words::limits(report, kind).all;
            if limits.is_empty() {
                continue;
            }
            self.heading(heading);
            let style = self.style;
            let rows = limits.into_iter().map(|limit| {
                let tone = match (limit.held, kind) {
                    (true, _) => Tone::Good,
                    (false, LimitKind::Promise) => Tone::Bad,
                    (false, LimitKind::Budget) => Tone::Odd,
                };
                let sign = if limit.held { '✓' } else { '✗' };
                let outcome = format!("{sign} {}", words::outcome(limit));
                [
                    limit.what.clone(),
                    words::allows(limit),
                    words::measured(limit),
                    style.paint(tone, outcome),
                ]
            });
            let rows: Vec<_> = rows.collect();
            self.table(["what", "limit", "measured", ""], 1..3, rows);
        }
    }

    fn memory(&mut self, report: &Report) {
        let rows = rows::memory(report);
        if rows.is_empty() {
            return;
        }
        self.heading("Resident memory");
        let [start, end, most] = MEMORY;
        let rows = rows
            .into_iter()
            .map(|(name, [start, end, most])| [name, start, end, most]);
        self.table(["process", start, end, most], 1..4, rows);
    }

    fn faults(&mut self, report: &Report) {
        if report.faults.is_empty() {
            return;
        }
        self.heading("Faults");
        let rows = report.faults.iter();
        let rows = rows.map(|fault| [words::span(fault), fault.what.clone()]);
        self.table(["when", "what"], 0..1, rows);
    }

    fn verification(&mut self, report: &Report) {
        self.heading("Verification");
        let found = &report.verification;
        let rows: Vec<_> = rows::verification(found)
            .into_iter()
            .map(|(what, times, is_good)| {
                let times = if is_good {
                    times
                } else {
                    self.good_or_bad(false, times)
                };
                [what, times]
            })
            .collect();
        self.table(["what", "count"], 1..2, rows);
        for (misplaced, how) in [
            (&found.missing, "missing on"),
            (&found.doubled, "more than once on"),
            (&found.strange, "does not belong on"),
        ] {
            self.misplaced(misplaced, how);
        }
    }

    fn misplaced(&mut self, misplaced: &[Misplaced], how: &str) {
        for Misplaced { post, page } in misplaced.iter().take(NAMED_MAX) {
            self.line(&format!(" post {post} {how} {page}"));
        }
        if let Some(more) = misplaced.len().checked_sub(NAMED_MAX)
            && more > 0
        {
            self.line(&format!(" and {more} more {how} a page"));
        }
    }

    fn saturation(&mut self, report: &Report) {
        if report.saturation.is_empty() {
            return;
        }
        self.heading("Rates that were tried");
        let header = [
            "posts/s",
            "",
            "author p99",
            "followers p99",
            "public p99",
            "empty after",
            "why not",
        ];
        let rows: Vec<_> = rows::saturation(&report.saturation)
            .into_iter()
            .map(|step| {
                let outcome = if step.held { "✓ kept" } else { "✗ broken" };
                let [author, followers, public] = step.p99;
                let outcome = self.good_or_bad(step.held, outcome);
                let drained = step.drained;
                [
                    step.rate, outcome, author, followers, public, drained, step.why,
                ]
            })
            .collect();
        self.table(header, 0..1, rows);
    }

    fn verdict(&mut self, report: &Report) {
        self.blank();
        if let Some(found) = words::found(report) {
            let found = self.style.paint(Tone::Heading, found);
            self.line(&found);
        }
        let promises = self.good_or_bad(report.holds(), words::promises(report));
        self.line(&promises);
        if let Some(budgets) = words::budgets(report) {
            let missed = words::limits(report, LimitKind::Budget).broken;
            let tone = if missed.is_empty() {
                Tone::Good
            } else {
                Tone::Odd
            };
            let budgets = self.style.paint(tone, budgets);
            self.line(&budgets);
        }
        let posts = count(report.verification.accepted);
        let answered = with_unit(rows::answered_per_s(report), "/s");
        let line = format!("{posts} posts accepted; {answered} requests answered well");
        let line = self.style.paint(Tone::Quiet, line);
        self.line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{sample, sample_of_saturate};

    const PLAIN: Style = Style {
        width: 120,
        colour: false,
    };

    #[test]
    fn the_table_shows_everything() {
        insta::assert_snapshot!(render(&sample(), &PLAIN));
    }

    #[test]
    fn a_search_shows_its_steps_and_what_it_found() {
        let table = render(&sample_of_saturate(), &PLAIN);
        let steps = table.split("Rates that were tried").nth(1).unwrap();
        insta::assert_snapshot!(steps);
    }

    #[test]
    fn a_narrow_terminal_has_no_line_that_is_too_long() {
        let style = Style { width: 80, ..PLAIN };
        let table = render(&sample(), &style);
        let in_tables = table.lines().skip(3);
        let tables: Vec<_> = in_tables
            .take_while(|line| !line.contains(" post 7"))
            .collect();
        for line in &tables {
            assert!(console::measure_text_width(line) <= 80, "{line}");
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn colours_are_on_terminals_only() {
        let coloured = Style {
            colour: true,
            ..PLAIN
        };
        let coloured = render(&sample(), &coloured);
        assert!(coloured.contains("\u{1b}["));
        let plain = render(&sample(), &PLAIN);
        assert_eq!(console::strip_ansi_codes(&coloured), plain);
    }
}
