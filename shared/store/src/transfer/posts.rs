use ripple_domain::{NewPost, Post, PostId, Timestamp, UserId, Visibility, check, text};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    Format,
    follows::handle,
    key::{LineNames, key_of},
};
use crate::ImportedPost;

/// Posts as JSON, one a line: `{"author", "text", "created_at"?, "visibility"?, "recipients"?, "link"?,
/// "language"?, "id"?, "reply_to"?, "repost_of"?}`. `reply_to` and `repost_of` name earlier posts by
/// their `id`; a post that passes on another needs no text of its own. `tags` are passed over, because
/// they are derived from the text; any other field is an error, because a mistyped `visibility` must
/// not publish a private post.
#[derive(Debug)]
pub struct PostFormat {
    now: Timestamp,
    names: LineNames,
}

/// A line of imported posts.
#[derive(Clone, Debug)]
pub struct PostLine {
    /// The post.
    pub post: ImportedPost,
    /// The line as it can be sent on: with an `id`, whether it came with one or not.
    pub named: String,
}

/// Imported posts are not older than ids reach: 2000-01-01T00:00:00Z.
const CREATED_AT_MIN: Timestamp = Timestamp::from_ms(946_684_800_000);

/// The longest `id` of a line, in characters.
const ID_CHARS_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    author: String,
    text: String,
    created_at: Option<String>,
    visibility: Option<Visibility>,
    #[serde(default)]
    recipients: Vec<String>,
    link: Option<String>,
    language: Option<String>,
    id: Option<String>,
    reply_to: Option<String>,
    repost_of: Option<String>,
    #[serde(rename = "tags")]
    _tags: Option<IgnoredAny>,
}

impl PostFormat {
    /// Reads posts at the time `now`, after which none may have been written.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            names: LineNames::default(),
        }
    }
}

impl Format for PostFormat {
    type Item = PostLine;

    fn parse(&mut self, line: &str) -> Result<Option<PostLine>, String> {
        // An array would pass for the fields in their order.
        if !line.starts_with('{') {
            return Err("a line is a JSON object".to_owned());
        }
        let fields: Fields = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let (id, named) = match &fields.id {
            Some(id) if (1..=ID_CHARS_MAX).contains(&id.chars().count()) => {
                (id.clone(), line.to_owned())
            }
            Some(_) => return Err(format!("the id has 1 to {ID_CHARS_MAX} characters")),
            // The line is a JSON object with fields, so the name can go in front of them.
            None => {
                let id = self.names.name(line);
                let named = format!("{{\"id\":\"{id}\",{}", &line[1..]);
                (id, named)
            }
        };
        let post = fields.into_post(&id, self.now)?;
        Ok(Some(PostLine { post, named }))
    }
}

impl Fields {
    fn into_post(self, id: &str, now: Timestamp) -> Result<ImportedPost, String> {
        let author = handle(&self.author)?;
        let is_repost = self.repost_of.is_some();
        let text = check::text(&self.text, is_repost).map_err(|unfit| format!("text {unfit}"))?;
        let text = text.to_owned();
        if let Some(link) = &self.link {
            check::link(link).map_err(|unfit| format!("link {unfit}"))?;
        }
        if let Some(language) = &self.language {
            check::language(language).map_err(|unfit| format!("language {unfit}"))?;
        }
        let mut recipients = Vec::with_capacity(self.recipients.len());
        for recipient in &self.recipients {
            let recipient = handle(recipient)?;
            if !recipients.contains(&recipient) {
                recipients.push(recipient);
            }
        }
        if recipients.len() > Post::RECIPIENTS_MAX {
            return Err(format!(
                "a post has at most {} recipients",
                Post::RECIPIENTS_MAX
            ));
        }
        let visibility = self.visibility.unwrap_or_default();
        if visibility == Visibility::Direct && recipients.is_empty() {
            return Err("a direct post needs at least one recipient".to_owned());
        }
        let created_at = self.created_at.map(|time| created_at(&time, now));
        let post = NewPost {
            // The store fills in the ids of users when it has made or found them.
            author: UserId(0),
            recipients: Vec::new(),
            mentions: Vec::new(),
            tags: text::tags(&text),
            visibility,
            link: self.link,
            language: self.language,
            reply_to: None,
            repost_of: None,
            received_at: now,
            created_at: created_at.transpose()?,
            text,
        };
        let mut mentions = text::mentions(&post.text);
        mentions.truncate(Post::MENTIONS_MAX);
        // As an export writes it, and in no other spelling.
        let exported_from = id
            .parse()
            .ok()
            .filter(|post: &PostId| post.to_string() == id);
        Ok(ImportedPost {
            key: key_of(id),
            exported_from,
            author,
            mentions,
            recipients,
            reply_to: self.reply_to.as_deref().map(key_of),
            repost_of: self.repost_of.as_deref().map(key_of),
            post,
        })
    }
}

fn created_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let time = Timestamp::parse_rfc3339(text).map_err(|error| format!("created_at: {error}"))?;
    if time > now {
        return Err("created_at lies in the future".to_owned());
    }
    if time < CREATED_AT_MIN {
        return Err("created_at lies before the year 2000".to_owned());
    }
    Ok(time)
}

/// A post as a line of an export, which is a line of an import.
#[derive(Serialize)]
pub(super) struct ExportedPost<'a> {
    pub id: String,
    pub author: &'a str,
    pub text: &'a str,
    pub created_at: String,
    pub visibility: Visibility,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repost_of: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_772_366_400_123);

    fn parse(line: &str) -> Result<PostLine, String> {
        let parsed = PostFormat::new(NOW).parse(line);
        parsed.map(|line| line.expect("no comments among posts"))
    }

    #[test]
    fn a_line_holds_what_a_request_may_hold() {
        let line = parse(
            r#"{"author":"Ada","text":" hello ","created_at":"2025-01-02T03:04:05.678Z",
               "visibility":"direct","recipients":["grace","Grace"],"link":"https://example.org/a",
               "language":"en","id":"7","tags":["x"]}"#,
        );
        let ImportedPost {
            author,
            post,
            recipients,
            ..
        } = line.unwrap().post;
        assert_eq!(author.as_str(), "ada");
        assert_eq!(post.text, "hello");
        assert_eq!(
            post.created_at.unwrap().to_string(),
            "2025-01-02T03:04:05.678Z"
        );
        assert_eq!(post.visibility, Visibility::Direct);
        assert_eq!(recipients.len(), 1);
        assert_eq!(post.link.as_deref(), Some("https://example.org/a"));
    }

    #[test]
    fn what_a_request_may_not_hold_is_refused() {
        let text_5001 = format!(r#"{{"author":"a","text":"{}"}}"#, "x".repeat(5_001));
        for line in [
            "",
            "null",
            r#"["a","text"]"#,
            r#"{"author":"a"}"#,
            r#"{"author":"a","text":"  "}"#,
            &text_5001,
            r#"{"author":"a b","text":"x"}"#,
            r#"{"author":"a","text":"x","visibilty":"direct"}"#,
            r#"{"author":"a","text":"x","visibility":"secret"}"#,
            r#"{"author":"a","text":"x","visibility":"direct"}"#,
            r#"{"author":"a","text":"x","visibility":"direct","recipients":["no handle"]}"#,
            r#"{"author":"a","text":"x","link":"javascript:alert(1)"}"#,
            r#"{"author":"a","text":"x","link":"/relative"}"#,
            r#"{"author":"a","text":"x","language":"english language"}"#,
            r#"{"author":"a","text":"x","created_at":"2999-01-01T00:00:00Z"}"#,
            r#"{"author":"a","text":"x","created_at":"1999-12-31T23:59:59Z"}"#,
            r#"{"author":"a","text":"x","created_at":"yesterday"}"#,
            r#"{"author":"a","text":"x","id":""}"#,
            r#"{"author":"a","text":"\ud800"}"#,
            r#"{"author":"a","text":"x"} trailing"#,
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_post_that_passes_on_another_needs_no_words() {
        let line = parse(r#"{"author":"a","text":"","repost_of":"7"}"#).unwrap();
        assert_eq!(line.post.repost_of, Some(key_of("7")));
        assert!(parse(r#"{"author":"a","text":"","reply_to":"7"}"#).is_err());
    }

    #[test]
    fn a_line_without_an_id_is_sent_on_under_the_name_that_it_has_here() {
        let mut format = PostFormat::new(NOW);
        let mut read = |line: &str| format.parse(line).unwrap().unwrap();
        let line = r#"{"author":"a","text":"x"}"#;
        let (first, second) = (read(line), read(line));
        assert_ne!(first.post.key, second.post.key);
        for sent in [first, second] {
            let received = parse(&sent.named).unwrap();
            assert_eq!(received.post.key, sent.post.key);
            assert_eq!(received.named, sent.named);
        }
    }

    #[test]
    fn only_the_id_of_a_post_can_be_that_of_an_export() {
        for id in ["", "a", "007", "+7", "9007199254740992"] {
            let line = format!(r#"{{"author":"a","text":"x","id":"{id}"}}"#);
            let from = parse(&line).map(|line| line.post.exported_from);
            assert!(!matches!(from, Ok(Some(_))), "{id}");
        }
        let line = parse(r#"{"author":"a","text":"x"}"#).unwrap();
        assert_eq!(line.post.exported_from, None);
    }

    #[test]
    fn an_exported_line_can_be_imported() {
        let exported = ExportedPost {
            id: "12".to_owned(),
            author: "ada",
            text: "a \"quoted\" line\nand \u{1} another",
            created_at: "2025-01-02T03:04:05.678Z".to_owned(),
            visibility: Visibility::Followers,
            recipients: vec!["grace"],
            link: None,
            language: Some("en"),
            reply_to: Some("11".to_owned()),
            repost_of: None,
        };
        let line = parse(&serde_json::to_string(&exported).unwrap()).unwrap();
        assert_eq!(line.post.post.text, exported.text);
        assert_eq!(line.post.post.visibility, Visibility::Followers);
        assert_eq!(line.post.key, key_of("12"));
        assert_eq!(line.post.exported_from, Some(PostId(12)));
        assert_eq!(line.post.reply_to, Some(key_of("11")));
    }
}
