//! The folded spellings of tags and keywords; `None` where nothing is left.

pub(super) fn tag(spelling: &str) -> Option<String> {
    keyword(spelling.trim_start_matches(['#', '＃']))
}

pub(super) fn keyword(spelling: &str) -> Option<String> {
    let folded = spelling.trim().to_lowercase();
    (!folded.is_empty()).then_some(folded)
}
