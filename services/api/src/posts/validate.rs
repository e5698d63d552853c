//! What makes a post acceptable. All that is wrong with a request is collected and told at once.

use std::sync::Arc;

use ripple_domain::{
    Handle, Post, PostId, UserId, UserRef, Visibility,
    text::{self, Tag},
};
use ripple_store::reading::{self, Shown};
use url::Url;

use crate::{ApiState, Faults, Problem};

/// The users that a text names are looked up, up to this many.
const MENTIONS_MAX: usize = 100;
const LINK_BYTES_MAX: usize = 2_048;
/// RFC 5646, 4.4.1, asks for room for 35 characters.
const LANGUAGE_BYTES_MAX: usize = 35;

impl Faults {
    /// A text, trimmed; only a repost may have none.
    pub(super) fn text(&mut self, text: &str, is_repost: bool) -> String {
        let text = text.trim();
        let max = Post::TEXT_CHARS_MAX;
        if text.is_empty() && !is_repost {
            self.add("text", format!("must have 1 to {max} characters"));
        }
        // Bytes bound characters, so most texts need not be counted.
        if text.len() > max && text.chars().count() > max {
            self.add("text", format!("must have at most {max} characters"));
        }
        text.to_owned()
    }

    /// An `http` or `https` address, kept as it was written.
    pub(super) fn link(&mut self, link: String) -> String {
        let is_clean = link.len() <= LINK_BYTES_MAX
            && !link.chars().any(|c| c.is_control() || c.is_whitespace());
        let is_web = Url::parse(&link).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.host_str().is_some_and(|h| !h.is_empty())
        });
        if !is_clean || !is_web {
            let detail =
                format!("must be an http or https address of at most {LINK_BYTES_MAX} bytes");
            self.add("link", detail);
        }
        link
    }

    /// A language tag that could be one of BCP 47.
    pub(super) fn language(&mut self, language: String) -> String {
        let mut parts = language.split('-');
        let primary = parts.next().unwrap_or_default();
        let is_plausible = language.len() <= LANGUAGE_BYTES_MAX
            && (2..=8).contains(&primary.len())
            && primary.bytes().all(|b| b.is_ascii_alphabetic())
            && parts.all(|part| {
                (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
            });
        if !is_plausible {
            self.add("language", "must be a BCP 47 tag like en or zh-Hant");
        }
        language
    }

    /// Those whom a post addresses, each once.
    pub(super) async fn recipients(
        &mut self,
        state: &ApiState,
        handles: &[String],
    ) -> Result<Vec<UserRef>, Problem> {
        if handles.len() > Post::RECIPIENTS_MAX {
            let detail = format!("must be at most {}", Post::RECIPIENTS_MAX);
            self.add("recipients", detail);
            return Ok(Vec::new());
        }
        let mut recipients: Vec<UserRef> = Vec::with_capacity(handles.len());
        for (index, handle) in handles.iter().enumerate() {
            let user = match handle.parse::<Handle>() {
                Ok(handle) => user_ref(state, &handle).await?,
                Err(_) => None,
            };
            match user {
                Some(user) if recipients.contains(&user) => {}
                Some(user) => recipients.push(user),
                None => self.add(format!("recipients[{index}]"), "no user has this handle"),
            }
        }
        Ok(recipients)
    }

    /// A post has to be addressed to somebody when nobody else may see it.
    pub(super) fn direct(&mut self, visibility: Visibility, recipients: &[UserRef]) {
        if visibility == Visibility::Direct && recipients.is_empty() {
            self.add("recipients", "a direct post needs at least one");
        }
    }

    /// A post that the author refers to: it must be there, and he must see it.
    pub(super) async fn referred(
        &mut self,
        state: &ApiState,
        author: UserId,
        field: &'static str,
        id: Option<&str>,
    ) -> Result<Option<Shown>, Problem> {
        let Some(id) = id else { return Ok(None) };
        let Ok(id) = id.parse::<PostId>() else {
            self.add(field, "must be the id of a post");
            return Ok(None);
        };
        let shown = reading::read_post(state.store(), Some(author), id).await?;
        if shown.is_none() {
            self.add(field, "there is no such post");
        }
        Ok(shown)
    }

    /// The post that a repost passes on. A repost without words of its own stands for what it passes
    /// on, so reposting it passes on that.
    pub(super) fn original(&mut self, referred: Shown) -> Arc<Post> {
        let original = match referred.original {
            Some(original) if referred.post.text.is_empty() => original,
            _ => referred.post,
        };
        if !matches!(
            original.visibility,
            Visibility::Public | Visibility::Unlisted
        ) {
            self.add("repost_of", "only public and unlisted posts are reposted");
        }
        original
    }
}

/// The tags of a text, and the users whom it names.
pub(super) async fn derive(
    state: &ApiState,
    text: &str,
) -> Result<(Vec<Tag>, Vec<UserRef>), Problem> {
    let mut mentions = Vec::new();
    for handle in text::mentions(text).iter().take(MENTIONS_MAX) {
        mentions.extend(user_ref(state, handle).await?);
    }
    Ok((text::tags(text), mentions))
}

async fn user_ref(state: &ApiState, handle: &Handle) -> Result<Option<UserRef>, Problem> {
    let user = state.store().user_by_handle(handle).await?;
    Ok(user.map(|user| UserRef {
        id: user.id,
        handle: user.handle.clone(),
    }))
}
