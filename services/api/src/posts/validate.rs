//! What makes a post acceptable. All that is wrong with a request is collected and told at once.

use ripple_domain::{
    Handle, Post, PostId, UserId, UserRef, Visibility,
    check::{self, Unfit},
    text::{self, Tag},
};
use ripple_store::{
    Authored,
    reading::{self, Shown},
};

use crate::{ApiState, Faults, Problem};

impl Faults {
    /// A text, trimmed; only a repost may have none.
    pub(super) fn text(&mut self, text: &str, is_repost: bool) -> String {
        let checked = check::text(text, is_repost);
        checked.map_or_else(|unfit| self.unfit("text", unfit), str::to_owned)
    }

    /// An `http` or `https` address, kept as it was written.
    pub(super) fn link(&mut self, link: String) -> String {
        match check::link(&link) {
            Ok(()) => link,
            Err(unfit) => self.unfit("link", unfit),
        }
    }

    /// A language tag that could be one of BCP 47.
    pub(super) fn language(&mut self, language: String) -> String {
        match check::language(&language) {
            Ok(()) => language,
            Err(unfit) => self.unfit("language", unfit),
        }
    }

    /// Notes what is wrong; the value is of no use, since the request is refused.
    fn unfit(&mut self, field: &'static str, unfit: Unfit) -> String {
        self.add(field, unfit.to_string());
        String::new()
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
    pub(super) fn original(&mut self, referred: Shown) -> Authored {
        let Shown { post, author, .. } = referred;
        let original = match referred.original {
            Some(original) if post.text.is_empty() => original,
            _ => Authored { post, author },
        };
        if !matches!(
            original.post.visibility,
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
    for handle in text::mentions(text).iter().take(Post::MENTIONS_MAX) {
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
