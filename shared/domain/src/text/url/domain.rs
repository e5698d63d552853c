//! Domains and hosts.

use crate::text::char_class::{is_latin, is_letter_mark_or_digit, is_mark, is_other_symbol};

/// The longest part between two dots (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;

/// A character of an ASCII domain.
pub(super) fn is_domain_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Where the run of characters of an ASCII domain that begins at `start` ends.
pub(super) fn run_end(text: &str, start: usize) -> usize {
    let rest = &text.as_bytes()[start..];
    start
        + rest
            .iter()
            .take_while(|&&byte| is_domain_byte(byte))
            .count()
}

/// Where the ASCII domain that begins at `start` ends: behind the last of its top-level domains that
/// exists (`example.co.uk` has two). `None` if there is no domain.
pub(in crate::text) fn domain_end(text: &str, start: usize) -> Option<usize> {
    let run_end = run_end(text, start);
    let cut = cuts_label(&text[run_end..]);
    let taken = text[run_end..].starts_with(['@', '+']);
    let mut end = None;
    let mut at = start;
    let mut before_is_name = false;
    for label in text[start..run_end].split('.') {
        let label_end = at + label.len();
        let last = label_end == run_end;
        if !is_label(label) || (last && cut) {
            break;
        }
        if before_is_name && !(last && taken) && tld::exist_case_insensitive(label) {
            end = Some(label_end);
        }
        before_is_name = !label.contains('_');
        at = label_end + 1;
    }
    end
}

/// Where the whole labels behind `start` end, whether there is such a domain or not.
pub(in crate::text) fn whole_labels_end(text: &str, start: usize) -> usize {
    let end = run_end(text, start);
    let run = &text[start..end];
    let whole = if cuts_label(&text[end..]) {
        run.rfind('.').map_or("", |dot| &run[..dot])
    } else {
        run
    };
    start + whole.trim_end_matches(['-', '_', '.']).len()
}

/// Whether what follows an ASCII run goes on its last label: that is then another word than the one
/// that ASCII shows.
fn cuts_label(rest: &str) -> bool {
    rest.starts_with(|c| is_latin(c) || is_mark(c))
}

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let at_the_edges = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= LABEL_BYTES_MAX && at_the_edges(bytes.first()) && at_the_edges(bytes.last())
}

/// Where the host ends that begins at `start`, behind a scheme. Any host counts; only where letters
/// of other scripts follow without a space does the top-level domain tell where it ends.
pub(super) fn host_end(text: &str, start: usize) -> Option<usize> {
    let rest = &text[start..];
    if rest.starts_with('[') {
        return ipv6_length(rest).map(|length| start + length);
    }
    let run = &rest[..rest.find(|c| !is_host_char(c)).unwrap_or(rest.len())];
    let (length, followed_by_tail) = if run.is_ascii() {
        (run.len(), true)
    } else {
        let goes_well_on = rest[run.len()..]
            .chars()
            .next()
            .is_none_or(|c| c.is_whitespace() || matches!(c, '/' | ':' | '?' | '#' | ')' | '"'));
        let length = international_length(run, goes_well_on);
        (length, length == run.len())
    };
    let host = &run[..length];
    let dot_is_part = followed_by_tail && rest[length..].starts_with('/');
    let edges: &[char] = if dot_is_part {
        &['-', '_']
    } else {
        &['-', '_', '.']
    };
    let host = host.trim_end_matches(edges);
    host.starts_with(|c| is_host_char(c) && !matches!(c, '-' | '_' | '.'))
        .then_some(start + host.len())
}

fn ipv6_length(rest: &str) -> Option<usize> {
    let is_part = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let inner = rest.as_bytes()[1..].iter().take_while(is_part).count();
    (inner > 1 && rest.as_bytes().get(inner + 1) == Some(&b']')).then_some(inner + 2)
}

fn is_host_char(c: char) -> bool {
    if c.is_ascii() {
        return is_domain_byte(c as u8);
    }
    is_letter_mark_or_digit(c) || is_other_symbol(c)
}

/// How much of `run`, which has letters beyond ASCII, is the host.
fn international_length(run: &str, goes_well_on: bool) -> usize {
    let mut length = None;
    let mut at = 0;
    for (i, label) in run.split('.').enumerate() {
        let end = at + label.len();
        if i > 0 {
            let ascii = label.find(|c: char| !c.is_ascii()).unwrap_or(label.len());
            let next = label[ascii..].chars().next();
            let ascii_ends = next.is_none_or(|c| !is_latin(c) && !is_mark(c));
            // A top-level domain in another script is taken on trust where the host clearly ends.
            let of_other_script = end == run.len()
                && goes_well_on
                && !label.is_empty()
                && label.chars().all(|c| !c.is_ascii() && !is_latin(c));
            if of_other_script {
                length = Some(end);
            } else if ascii_ends && tld::exist_case_insensitive(&label[..ascii]) {
                length = Some(at + ascii);
            }
        }
        at = end + 1;
    }
    length.unwrap_or_else(|| {
        let latin = |c: char| c.is_ascii() || is_latin(c) || is_mark(c);
        run.find(|c| !latin(c)).unwrap_or(run.len())
    })
}
