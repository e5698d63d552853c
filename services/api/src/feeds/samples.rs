//! Posts that are hard to render.

use std::sync::Arc;

use ripple_domain::{
    Handle, Post, PostCounts, PostId, Timestamp, User, UserId, UserRef, Visibility, Window, text,
};
use ripple_store::Authored;

use super::{
    listing::{Listed, Listing},
    subject::Subject,
};

/// 2026-03-01T12:00:00.123Z
pub(crate) const NOON: Timestamp = Timestamp::from_ms(1_772_366_400_123);

const MINUTE_MS: i64 = 60_000;

/// What breaks documents that are put together carelessly.
pub(crate) const NASTY: &str = "a\0b\u{8}c ]]> <script>alert(1)</script> & &amp; &lt; \" ' \
    \u{fffe}\u{ffff}\u{1b}[31m\u{85}\u{7f} <!-- --> <![CDATA[ x ]]>\r\n\r\n<?xml version=\"1.0\"?>\rend";

pub(crate) fn user(id: u32, handle: &str, display_name: &str) -> Arc<User> {
    Arc::new(User {
        id: UserId(id),
        handle: handle.parse().unwrap(),
        display_name: display_name.into(),
        bio: "Sums & <products>\nhttps://ada.example/?a=1&b=2".into(),
        created_at: NOON,
        revision: 0,
    })
}

pub(crate) fn ada() -> Arc<User> {
    user(1, "ada", "Ada <b>\"L\" &amp; 'x'</b> ]]>\u{ffff}\u{202e}")
}

/// Nothing of his name can be seen.
pub(crate) fn bob() -> Arc<User> {
    user(2, "bob", "\u{200b}\u{feff}")
}

/// The post of the `minute`th minute past noon.
pub(crate) fn post(author: &User, minute: i64, text: &str) -> Post {
    let at = NOON.plus_ms(minute * MINUTE_MS);
    let names = |handle: Handle| UserRef {
        id: UserId(1),
        handle,
    };
    Post {
        id: PostId::compose(at, author.id.partition(), 0).unwrap(),
        author: author.id,
        text: text.into(),
        visibility: Visibility::Public,
        recipients: vec![],
        mentions: text::mentions(text).into_iter().map(names).collect(),
        tags: text::tags(text),
        link: None,
        language: None,
        reply_to: None,
        repost_of: None,
        counts: PostCounts::default(),
        received_at: at,
        accepted_at: at,
        edited_at: None,
        revision: 0,
    }
}

pub(crate) fn listed(author: &Arc<User>, post: Post) -> Listed {
    Listed {
        shown: Authored {
            post: Arc::new(post),
            author: Arc::clone(author),
        },
        original: None,
    }
}

/// A page, newest first.
pub(crate) fn listing(subject: Subject, mut posts: Vec<Listed>) -> Listing {
    posts.reverse();
    Listing {
        subject,
        window: Window::NEWEST,
        posts,
        has_older: false,
        broke_off_at: None,
    }
}

/// One post of every kind.
pub(crate) fn every_kind() -> Vec<Listed> {
    let (ada, bob) = (ada(), bob());
    let original = Authored {
        post: Arc::new(Post {
            edited_at: Some(NOON.plus_ms(90 * MINUTE_MS)),
            revision: 1,
            language: Some("ko-kr".into()),
            ..post(&bob, 1, "처음 & <끝> #러스트")
        }),
        author: Arc::clone(&bob),
    };
    let repost = |minute, text: &str| Listed {
        original: Some(original.clone()),
        ..listed(
            &ada,
            Post {
                repost_of: Some(original.post.id),
                ..post(&ada, minute, text)
            },
        )
    };
    vec![
        Listed {
            shown: original.clone(),
            original: None,
        },
        listed(&ada, post(&ada, 2, NASTY)),
        listed(
            &ada,
            Post {
                link: Some("https://example.org/a|b?q=\"<&>'#ü".into()),
                language: Some("EN-us".into()),
                ..post(
                    &ada,
                    3,
                    "Read http://example.com/x?a=1&b=2 and example.net/y.\n#Rust #rust #café @bob, @Ada!",
                )
            },
        ),
        listed(&bob, post(&bob, 4, "مرحبا \u{202e}abc #עברית")),
        listed(&bob, post(&bob, 5, &format!("👩‍👩‍👧‍👦🏳️‍🌈 {}", "x".repeat(300)))),
        listed(&bob, post(&bob, 6, "\u{301}\u{20dd}\u{e0100}")),
        listed(&bob, post(&bob, 7, "\u{200b}\u{2060}")),
        listed(&bob, post(&bob, 8, &format!("z{}", "\u{489}".repeat(120)))),
        repost(9, ""),
        repost(10, "So true\n\n\n\nindeed"),
        listed(
            &bob,
            Post {
                edited_at: Some(NOON.plus_ms(30 * MINUTE_MS)),
                revision: 2,
                language: Some("x\" onload=\"".into()),
                link: Some("javascript:alert(1)".into()),
                ..post(&bob, 11, "Edited")
            },
        ),
    ]
}
