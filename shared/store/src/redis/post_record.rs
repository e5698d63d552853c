//! Stored posts: a header that the scripts read and change (`scripts/lib/post.lua`), then sections of
//! postcard: the text with what is derived from it, the link, and what never changes.

use ripple_domain::{
    NewPost, Post, PostCounts, PostId, Timestamp, UserId, UserRef, Visibility, text::Tag,
};
use serde::{Deserialize, Serialize};

use super::record::{decode, encode};
use crate::StoreError;

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 47;

/// Bits of the header.
mod flag {
    pub(super) const DELETED: u8 = 1;
    pub(super) const EDITED: u8 = 2;
    pub(super) const ANSWERS: u8 = 4;
    pub(super) const REPOSTS: u8 = 8;
}

/// What never changes, but for what stands in the header.
#[derive(Serialize, Deserialize)]
struct Rest {
    recipients: Vec<UserRef>,
    language: Option<String>,
    received_at: Timestamp,
}

/// The record of a new post.
pub(super) fn encode_post(post: &NewPost, accepted_at: Timestamp) -> Result<Vec<u8>, StoreError> {
    let text = encode_text(&post.text, &post.tags, &post.mentions)?;
    let link = encode_link(post.link.as_deref())?;
    let rest = encode(&Rest {
        recipients: post.recipients.clone(),
        language: post.language.clone(),
        received_at: post.received_at,
    })?;
    let answers = if post.reply_to.is_some() {
        flag::ANSWERS
    } else {
        0
    };
    let reposts = if post.repost_of.is_some() {
        flag::REPOSTS
    } else {
        0
    };
    let never = Timestamp::default();

    let mut record = Vec::with_capacity(HEADER_BYTES + 16 + text.len() + link.len() + rest.len());
    record.extend([VERSION, answers | reposts, visibility_byte(post.visibility)]);
    record.extend(post.author.0.to_be_bytes());
    // The revision, the counts of replies, reposts and favourites.
    record.extend([0; 16]);
    record.extend(accepted_at.as_ms().to_be_bytes());
    record.extend(never.as_ms().to_be_bytes());
    record.extend(section_len(&text)?.to_be_bytes());
    record.extend(section_len(&link)?.to_be_bytes());
    for id in [post.reply_to, post.repost_of].into_iter().flatten() {
        record.extend(id.0.to_be_bytes());
    }
    record.extend(text);
    record.extend(link);
    record.extend(rest);
    Ok(record)
}

/// The section of the text, of the tags in it and of the users whom it names.
pub(super) fn encode_text(
    text: &str,
    tags: &[Tag],
    mentions: &[UserRef],
) -> Result<Vec<u8>, StoreError> {
    encode(&(text, tags, mentions))
}

/// The section of the link.
pub(super) fn encode_link(link: Option<&str>) -> Result<Vec<u8>, StoreError> {
    encode(&link)
}

/// A visibility in the header.
pub(super) const fn visibility_byte(visibility: Visibility) -> u8 {
    match visibility {
        Visibility::Public => 0,
        Visibility::Unlisted => 1,
        Visibility::Followers => 2,
        Visibility::Direct => 3,
    }
}

/// The post with this id in its record; `None` where it was deleted.
pub(super) fn decode_post(id: PostId, record: &[u8]) -> Result<Option<Post>, StoreError> {
    let mut header = Reader(record);
    let [version, flags, visibility] = header.take()?;
    if version != VERSION {
        return Err(CORRUPT);
    }
    if flags & flag::DELETED != 0 {
        return Ok(None);
    }
    let author = UserId(header.u32()?);
    let revision = header.u32()?;
    let counts = PostCounts {
        replies: header.u32()?,
        reposts: header.u32()?,
        favourites: header.u32()?,
    };
    let accepted_at = header.time()?;
    let edited_at = header.time()?;
    let (text_bytes, link_bytes) = (header.u32()?, header.u32()?);
    let mut reference = |bit| match flags & bit {
        0 => Ok(None),
        _ => header.u64().map(|id| Some(PostId(id))),
    };
    let (reply_to, repost_of) = (reference(flag::ANSWERS)?, reference(flag::REPOSTS)?);
    let (text, tags, mentions) = decode("post", header.section(text_bytes)?)?;
    let link = decode("post", header.section(link_bytes)?)?;
    let rest: Rest = decode("post", header.0)?;
    Ok(Some(Post {
        id,
        author,
        text,
        visibility: match visibility {
            0 => Visibility::Public,
            1 => Visibility::Unlisted,
            2 => Visibility::Followers,
            3 => Visibility::Direct,
            _ => return Err(CORRUPT),
        },
        recipients: rest.recipients,
        mentions,
        tags,
        link,
        language: rest.language,
        reply_to,
        repost_of,
        counts,
        received_at: rest.received_at,
        accepted_at,
        edited_at: (flags & flag::EDITED != 0).then_some(edited_at),
        revision,
    }))
}

/// Who wrote the post in this record, also where it was deleted.
pub(super) fn author_of(record: &[u8]) -> Result<UserId, StoreError> {
    let mut header = Reader(record);
    let _version_flags_visibility: [u8; 3] = header.take()?;
    header.u32().map(UserId)
}

/// What a post's idempotency key was used for.
pub(super) struct IdempotencyRecord<'a> {
    pub(super) request: [u8; 32],
    pub(super) used_at: Timestamp,
    pub(super) post: PostId,
    /// The post's record, as it was then.
    pub(super) record: &'a [u8],
}

impl<'a> IdempotencyRecord<'a> {
    /// Reads the record that `commit_post.lua` keeps.
    pub(super) fn decode(record: &'a [u8]) -> Result<Self, StoreError> {
        let mut reader = Reader(record);
        let request = reader.take()?;
        let used_at = reader.time()?;
        let _nonce: [u8; 16] = reader.take()?;
        let post = PostId(reader.u64()?);
        Ok(Self {
            request,
            used_at,
            post,
            record: reader.0,
        })
    }
}

const CORRUPT: StoreError = StoreError::Corrupt { what: "post" };

fn section_len(section: &[u8]) -> Result<u32, StoreError> {
    u32::try_from(section.len()).map_err(|_| StoreError::Unavailable {
        reason: "a post is too long to be stored".into(),
    })
}

/// What is left of a record.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (taken, left) = self.0.split_first_chunk().ok_or(CORRUPT)?;
        self.0 = left;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32, StoreError> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, StoreError> {
        self.take().map(u64::from_be_bytes)
    }

    fn time(&mut self) -> Result<Timestamp, StoreError> {
        self.take().map(i64::from_be_bytes).map(Timestamp::from_ms)
    }

    fn section(&mut self, bytes: u32) -> Result<&'a [u8], StoreError> {
        let bytes = usize::try_from(bytes).map_err(|_| CORRUPT)?;
        let (section, left) = self.0.split_at_checked(bytes).ok_or(CORRUPT)?;
        self.0 = left;
        Ok(section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_ms(1_772_366_400_000);

    fn new_post() -> NewPost {
        let bob = UserRef {
            id: UserId(2),
            handle: "bob".parse().unwrap(),
        };
        NewPost {
            author: UserId(u32::MAX),
            text: "a #Café, @bob …\u{0}".into(),
            visibility: Visibility::Direct,
            recipients: vec![bob.clone()],
            mentions: vec![bob],
            tags: vec![Tag {
                folded: "café".into(),
                display: "Café".into(),
            }],
            link: Some("https://example.org/?a=b#c".into()),
            language: Some("fr".into()),
            reply_to: Some(PostId::MAX),
            repost_of: None,
            received_at: NOW.plus_ms(-7),
            created_at: None,
        }
    }

    #[test]
    fn a_record_holds_the_whole_post() {
        let new = new_post();
        let id = PostId(12_345);
        let post = decode_post(id, &encode_post(&new, NOW).unwrap()).unwrap();
        let expected = Post {
            id,
            author: new.author,
            text: new.text,
            visibility: new.visibility,
            recipients: new.recipients,
            mentions: new.mentions,
            tags: new.tags,
            link: new.link,
            language: new.language,
            reply_to: new.reply_to,
            repost_of: new.repost_of,
            counts: PostCounts::default(),
            received_at: new.received_at,
            accepted_at: NOW,
            edited_at: None,
            revision: 0,
        };
        assert_eq!(post, Some(expected));
    }

    #[test]
    fn a_damaged_record_is_reported() {
        let record = encode_post(&new_post(), NOW).unwrap();
        for len in 0..record.len() {
            assert!(decode_post(PostId(1), &record[..len]).is_err(), "{len}");
        }
        let mut newer = record;
        newer[0] = VERSION + 1;
        assert!(decode_post(PostId(1), &newer).is_err());
    }
}
