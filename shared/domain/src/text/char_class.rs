//! The classes of characters that the rules speak of.

use icu_properties::{
    CodePointMapData,
    props::{GeneralCategory, GeneralCategoryGroup},
};

fn is_in(group: GeneralCategoryGroup, c: char) -> bool {
    group.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

/// A letter of any script (general category L).
pub(super) fn is_letter(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    is_in(GeneralCategoryGroup::Letter, c)
}

/// A mark of any kind, variation selectors among them (general category M).
pub(super) fn is_mark(c: char) -> bool {
    // There is none below U+0300.
    c >= '\u{300}' && is_in(GeneralCategoryGroup::Mark, c)
}

/// A letter, a mark or a decimal digit.
pub(super) fn is_letter_mark_or_digit(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    let group = GeneralCategoryGroup::Letter
        .union(GeneralCategoryGroup::Mark)
        .union(GeneralCategoryGroup::DecimalNumber);
    is_in(group, c)
}

/// A symbol that is no sign of mathematics, currency or spelling, such as an emoji.
pub(super) fn is_other_symbol(c: char) -> bool {
    !c.is_ascii() && is_in(GeneralCategoryGroup::OtherSymbol, c)
}

/// A Latin letter or an ASCII digit. Every letter that decomposes to an ASCII letter and marks is
/// one, which is what keeps the ends of handles and domains the same in NFC and NFD.
pub(super) fn is_latin(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c,
            '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{24F}' // accented
            | '\u{250}'..='\u{2AF}' // phonetic
            | '\u{2BB}' // ʻ of Hawaiian
            | '\u{1E00}'..='\u{1EFF}' // accented, most of them Vietnamese
            | '\u{212A}' | '\u{212B}') // Kelvin, Ångström
}

/// What makes the character before it an emoji, or plain text, and is no part of a word: the
/// variation selectors U+FE0E and U+FE0F and the enclosing keycap.
pub(super) fn is_emoji_mark(c: char) -> bool {
    matches!(c, '\u{FE0E}' | '\u{FE0F}' | '\u{20E3}')
}

/// Whether `text` begins with an emoji that begins with a letter or digit: a keycap such as `1️⃣`, or `ℹ️`.
pub(super) fn begins_with_emoji_of_letter_or_digit(text: &str) -> bool {
    let mut chars = text.chars();
    match chars.next() {
        Some('0'..='9') => matches!(chars.next(), Some('\u{FE0F}' | '\u{20E3}')),
        Some('\u{2139}') => chars.next() == Some('\u{FE0F}'),
        _ => false,
    }
}

/// Characters that show nothing by themselves and that folding leaves out (the property
/// Default_Ignorable_Code_Point).
pub(super) fn is_ignorable(c: char) -> bool {
    // A look-up in the property's own table costs several times as much, for every character.
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
        | '\u{FFA0}' | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// The character that stands before the place `at` in `text`, marks passed over; `None` where the
/// text begins or an emoji ends there.
pub(super) fn base_before(text: &str, at: usize) -> Option<char> {
    for (i, c) in text[..at].chars().rev().enumerate() {
        if i == 0 && is_emoji_mark(c) {
            return None;
        }
        if !is_mark(c) {
            return Some(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use icu_normalizer::DecomposingNormalizerBorrowed;
    use icu_properties::{
        CodePointSetData,
        props::{DefaultIgnorableCodePoint, Emoji},
    };

    use super::*;

    #[test]
    fn the_ignorable_are_those_of_unicode() {
        let property = CodePointSetData::new::<DefaultIgnorableCodePoint>();
        for c in '\0'..=char::MAX {
            assert_eq!(is_ignorable(c), property.contains(c), "{:x}", c as u32);
        }
    }

    #[test]
    fn what_decomposes_to_an_ascii_letter_is_latin() {
        let nfd = DecomposingNormalizerBorrowed::new_nfd();
        for c in '\u{80}'..=char::MAX {
            let decomposed = nfd.normalize_iter(std::iter::once(c)).collect::<Vec<_>>();
            if decomposed[0].is_ascii_alphanumeric() {
                assert!(is_latin(c), "{c}");
            }
        }
    }

    #[test]
    fn letters_and_digits_that_may_be_emoji_are_known() {
        let emoji = CodePointSetData::new::<Emoji>();
        let found: String = ('\0'..=char::MAX)
            .filter(|&c| emoji.contains(c) && is_letter_mark_or_digit(c))
            .collect();
        assert_eq!(found, "0123456789\u{2139}");
    }
}
