//! Folding: the spelling that texts are compared by.

use std::borrow::Cow;

use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use icu_normalizer::ComposingNormalizerBorrowed;

use super::char_class::is_ignorable;

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
const CASES: CaseMapperBorrowed<'static> = CaseMapper::new();

/// Folds `text` as Unicode's `NFKC_Casefold` does: compatibility forms become the usual ones, capitals
/// small ones, and characters that show nothing (joiners, variation selectors) vanish. Accents stay:
/// `ć` is not `c`. Folding twice is the same as folding once.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let text = without_ignorables(text);
    let mut folded = NFKC.normalize(&text).into_owned();
    // Each step can call for the other once more, so go on until both together change nothing: that is
    // what makes the result stable. (Folding takes some characters apart, such as `ǰ`, that composing
    // puts together again: neither step alone ever comes to rest.)
    loop {
        let Cow::Owned(small) = CASES.fold_string(&folded) else {
            return folded;
        };
        let composed = NFKC.normalize(&small);
        if composed == folded {
            return folded;
        }
        folded = composed.into_owned();
    }
}

fn without_ignorables(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_ignorable) {
        Cow::Owned(text.chars().filter(|&c| !is_ignorable(c)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_folding_does() {
        for (text, folded) in [
            ("Rust", "rust"),
            ("ĆĄFÉ", "ćąfé"),
            ("cafe\u{301}", "café"),
            ("Straße", "strasse"),
            ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
            ("Σίσυφος", "σίσυφοσ"),
            ("Ｒｕｓｔ１", "rust1"),
            ("ﾊﾟﾋﾟ", "パピ"),
            ("①²", "12"),
            ("ﬁne", "fine"),
            ("می\u{200C}خواهم", "میخواهم"),
            ("İ", "i\u{307}"),
            ("ǰ", "ǰ"),
            ("ᾼ", "αι"),
            ("", ""),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    #[test]
    fn folding_is_stable_for_every_character() {
        for c in '\0'..=char::MAX {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "{:x}", c as u32);
            assert!(!once.chars().any(is_ignorable), "{:x}", c as u32);
        }
    }
}
