//! What follows the host: port, path, query and fragment.

use crate::text::char_class::{is_letter_mark_or_digit, is_mark};

/// Where the address ends whose host ends at `host_end`.
pub(super) fn end(text: &str, host_end: usize) -> usize {
    let at = host_end + port_length(&text[host_end..]);
    let rest = &text[at..];
    if rest.starts_with(['/', '?', '#']) {
        at + tail_length(rest)
    } else {
        at
    }
}

/// The length of `:8080`.
fn port_length(rest: &str) -> usize {
    let Some(port) = rest.strip_prefix(':') else {
        return 0;
    };
    match port.bytes().take_while(u8::is_ascii_digit).count() {
        0 => 0,
        digits => digits + 1,
    }
}

/// One kind of bracket: how many stand open, and where the outermost of them stands.
#[derive(Default)]
struct Open {
    depth: usize,
    since: usize,
}

impl Open {
    fn open(&mut self, at: usize) {
        if self.depth == 0 {
            self.since = at;
        }
        self.depth += 1;
    }

    fn is_too_long(&self, at: usize) -> bool {
        self.depth > 0 && at - self.since > BRACKETED_BYTES_MAX
    }

    fn unpaired(&self) -> Option<usize> {
        (self.depth > 0).then_some(self.since)
    }
}

/// The longest part in brackets, in bytes. A bracket without its partner thus costs a bounded search,
/// however many addresses with one stand behind each other.
const BRACKETED_BYTES_MAX: usize = 256;

fn tail_length(rest: &str) -> usize {
    let (mut round, mut square) = (Open::default(), Open::default());
    let mut end = rest.len();
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        // With a mark on it `=` is `≠`, which is no part of an address.
        let mut marked = || chars.peek().is_some_and(|&(_, next)| is_mark(next));
        let fits = match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => true,
            '(' | '[' | ')' | ']' if marked() => false,
            '(' => {
                round.open(at);
                true
            }
            '[' => {
                square.open(at);
                true
            }
            ')' => close(&mut round),
            ']' => close(&mut square),
            c if c.is_ascii() => is_tail_punctuation(c) && !marked(),
            c => is_tail_letter(c),
        };
        if !fits || round.is_too_long(at) || square.is_too_long(at) {
            end = at;
            break;
        }
    }
    let unpaired = [round.unpaired(), square.unpaired()];
    let end = unpaired.into_iter().flatten().fold(end, usize::min);
    // What ends a sentence does not end an address.
    let last = |c| {
        matches!(
            c,
            '!' | '*'
                | '\''
                | ';'
                | ':'
                | ','
                | '.'
                | '?'
                | '$'
                | '%'
                | '|'
                | '~'
                | '@'
                | '&'
                | '–'
        )
    };
    rest[..end].trim_end_matches(last).len()
}

fn close(open: &mut Open) -> bool {
    let paired = open.depth > 0;
    open.depth = open.depth.saturating_sub(1);
    paired
}

fn is_tail_punctuation(c: char) -> bool {
    matches!(
        c,
        '!' | '*'
            | '\''
            | ';'
            | ':'
            | '='
            | '+'
            | ','
            | '.'
            | '$'
            | '/'
            | '%'
            | '#'
            | '-'
            | '_'
            | '~'
            | '|'
            | '&'
            | '@'
            | '?'
    )
}

/// Letters, marks and digits of the scripts that put spaces between words. The others (Chinese,
/// Japanese, Korean, Thai …) go on after an address without one.
fn is_tail_letter(c: char) -> bool {
    let spaced = matches!(c, '\u{C0}'..='\u{DFF}' | '\u{10A0}'..='\u{10FF}' | '\u{1200}'..='\u{139F}' | '\u{1E00}'..='\u{1FFF}');
    (spaced && is_letter_mark_or_digit(c)) || c == '–'
}
