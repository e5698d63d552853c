//! Topics as bytes: in the names of keys, and packed in lists.

use ripple_domain::{Topic, UserId};

use crate::StoreError;

/// A topic's kind and name.
pub(super) fn topic_name(topic: &Topic) -> Vec<u8> {
    match topic {
        Topic::Public => b"p".to_vec(),
        Topic::Tag(name) => [b"t", name.as_bytes()].concat(),
        Topic::Keyword(name) => [b"k", name.as_bytes()].concat(),
        Topic::Author(id) => format!("a{id}").into_bytes(),
    }
}

/// Topics one after the other, each behind its length in two bytes.
pub(super) fn pack_topics(topics: &[Topic]) -> Result<Vec<u8>, StoreError> {
    let mut packed = Vec::new();
    for topic in topics {
        let name = topic_name(topic);
        let length = u16::try_from(name.len()).map_err(|_| StoreError::Unavailable {
            reason: "a topic is too long to be stored".into(),
        })?;
        packed.extend(length.to_be_bytes());
        packed.extend(name);
    }
    Ok(packed)
}

/// Reads what [`pack_topics`] wrote.
pub(super) fn unpack_topics(mut packed: &[u8]) -> Result<Vec<Topic>, StoreError> {
    const CORRUPT: StoreError = StoreError::Corrupt {
        what: "index entry",
    };
    let mut topics = Vec::new();
    while !packed.is_empty() {
        let (length, rest) = packed.split_first_chunk().ok_or(CORRUPT)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (name, rest) = rest.split_at_checked(length).ok_or(CORRUPT)?;
        topics.push(parse(name).ok_or(CORRUPT)?);
        packed = rest;
    }
    Ok(topics)
}

fn parse(name: &[u8]) -> Option<Topic> {
    let (kind, name) = name.split_first()?;
    let name = str::from_utf8(name).ok()?;
    match kind {
        b'p' if name.is_empty() => Some(Topic::Public),
        b't' => Some(Topic::Tag(name.to_owned())),
        b'k' => Some(Topic::Keyword(name.to_owned())),
        b'a' => name.parse::<UserId>().ok().map(Topic::Author),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_as_they_were_packed() {
        let topics = [
            Topic::Public,
            Topic::Tag("서울".into()),
            Topic::Keyword("p".into()),
            Topic::Author(UserId(70_000)),
        ];
        let packed = pack_topics(&topics).unwrap();
        assert_eq!(unpack_topics(&packed).unwrap(), topics);
        assert!(unpack_topics(&packed[1..]).is_err());
        assert!(unpack_topics(b"\0\x01x").is_err());
    }
}
