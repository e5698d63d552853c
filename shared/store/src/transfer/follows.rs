use ripple_domain::Handle;

use super::Format;
use crate::FollowLine;

/// A follower graph: `follower followee` a line, separated by blanks or tabs.
///
/// `#` and `%` begin comments. Up to two further columns are passed over where they are numbers (a
/// weight, a time), as published graphs have them.
#[derive(Clone, Copy, Debug, Default)]
pub struct FollowFormat;

/// Columns behind the two handles that are passed over.
const EXTRA_COLUMNS_MAX: usize = 2;

impl Format for FollowFormat {
    type Item = FollowLine;

    fn parse(&mut self, line: &str) -> Result<Option<FollowLine>, String> {
        if line.starts_with(['#', '%']) {
            return Ok(None);
        }
        let mut columns = line.split_whitespace();
        let (Some(follower), Some(followee)) = (columns.next(), columns.next()) else {
            return Err("a line is `follower followee`".to_owned());
        };
        let mut extra = 0;
        for column in columns {
            extra += 1;
            if extra > EXTRA_COLUMNS_MAX || column.parse::<f64>().is_err() {
                return Err(format!(
                    "{column:?} is one column too many: a line is `follower followee`"
                ));
            }
        }
        let line = FollowLine {
            follower: handle(follower)?,
            followee: handle(followee)?,
        };
        if line.follower == line.followee {
            return Err("nobody follows himself".to_owned());
        }
        Ok(Some(line))
    }
}

pub(super) fn handle(text: &str) -> Result<Handle, String> {
    text.parse()
        .map_err(|invalid| format!("{:?}: {invalid}", shortened(text)))
}

/// The beginning of a text, for a message.
fn shortened(text: &str) -> &str {
    text.char_indices()
        .nth(40)
        .map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<(String, String)>, String> {
        let parsed = FollowFormat.parse(line)?;
        Ok(parsed.map(|line| (line.follower.to_string(), line.followee.to_string())))
    }

    #[test]
    fn published_graphs_can_be_read() {
        let follow = |a: &str, b: &str| Ok(Some((a.to_owned(), b.to_owned())));
        assert_eq!(parse("1 0"), follow("1", "0"));
        assert_eq!(parse("Ada\tgrace"), follow("ada", "grace"));
        assert_eq!(parse("1 2 0.5"), follow("1", "2"));
        assert_eq!(parse("1 2 1 1190000000"), follow("1", "2"));
        assert_eq!(parse("# FromNodeId ToNodeId"), Ok(None));
        assert_eq!(parse("% sym unweighted"), Ok(None));
    }

    #[test]
    fn what_is_no_follow_is_refused_with_the_reason() {
        for line in [
            "ada",
            "ada follows grace",
            "1 2 3 4 5",
            "ada ada",
            "ADA ada",
            "a,b",
            "a é",
            "a,b c",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let reason = parse(&format!("{} b", "é".repeat(500))).unwrap_err();
        assert!(reason.len() < 200, "{reason}");
    }
}
