//! What a post may hold, wherever it comes from: a request or an imported file.

use url::Url;

use crate::Post;

/// A value cannot be used. The text says what it must be, and fits behind the name of its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(String);

/// The longest link, in bytes.
pub const LINK_BYTES_MAX: usize = 2_048;
/// The longest language tag, in bytes: RFC 5646, 4.4.1, asks for room for 35 characters.
pub const LANGUAGE_BYTES_MAX: usize = 35;

/// A text, trimmed; only a repost may have none.
pub fn text(text: &str, is_repost: bool) -> Result<&str, Unfit> {
    let text = text.trim();
    let max = Post::TEXT_CHARS_MAX;
    if text.is_empty() && !is_repost {
        return Err(Unfit(format!("must have 1 to {max} characters")));
    }
    // Bytes bound characters, so most texts need not be counted.
    if text.len() > max && text.chars().count() > max {
        return Err(Unfit(format!("must have at most {max} characters")));
    }
    Ok(text)
}

/// An `http` or `https` address, kept as it was written.
pub fn link(link: &str) -> Result<(), Unfit> {
    let is_clean =
        link.len() <= LINK_BYTES_MAX && !link.chars().any(|c| c.is_control() || c.is_whitespace());
    let is_web = || {
        Url::parse(link).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some_and(|host| !host.is_empty())
        })
    };
    if is_clean && is_web() {
        return Ok(());
    }
    Err(Unfit(format!(
        "must be an http or https address of at most {LINK_BYTES_MAX} bytes"
    )))
}

/// A language tag that could be one of BCP 47.
pub fn language(language: &str) -> Result<(), Unfit> {
    let mut parts = language.split('-');
    let primary = parts.next().unwrap_or_default();
    let is_plausible = language.len() <= LANGUAGE_BYTES_MAX
        && (2..=8).contains(&primary.len())
        && primary.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        });
    if is_plausible {
        return Ok(());
    }
    Err(Unfit("must be a BCP 47 tag like en or zh-Hant".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_and_bounded_in_characters() {
        assert_eq!(text(" a\n", false), Ok("a"));
        let longest = "é".repeat(Post::TEXT_CHARS_MAX);
        assert_eq!(text(&longest, false), Ok(&*longest));
        assert!(text(&format!("{longest}é"), false).is_err());
        assert!(text(" \u{3000}\t", false).is_err());
        assert_eq!(text(" ", true), Ok(""));
    }

    #[test]
    fn a_link_leads_to_the_web() {
        for good in [
            "https://example.org",
            "http://[::1]:8080/a?b#c",
            "HTTPS://例え.jp/あ",
        ] {
            assert_eq!(link(good), Ok(()), "{good}");
        }
        let too_long = format!("https://example.org/{}", "x".repeat(LINK_BYTES_MAX));
        for bad in [
            "",
            "/a",
            "example.org",
            "javascript:alert(1)",
            "ftp://example.org",
            "https://",
            "https://a b",
            "https://a/\n",
            &too_long,
        ] {
            assert!(link(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_language_has_the_form_of_a_tag() {
        for good in ["en", "zh-Hant", "de-CH-1901", "tlh"] {
            assert_eq!(language(good), Ok(()), "{good}");
        }
        for bad in ["", "e", "english language", "en_US", "en-", "1e", "ü"] {
            assert!(language(bad).is_err(), "{bad}");
        }
    }
}
