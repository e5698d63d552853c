//! A page of posts with everything that a feed or a web page says of them, as somebody without a token
//! sees it.

use ripple_domain::{Direction, PostId, Window};
use ripple_store::{
    Authored, Store, StoreError,
    reading::{Page, Shown, read_page, read_post},
};
use sha2::{Digest, Sha256};

use super::subject::Subject;

/// Posts of one page of a feed, or of a web page.
pub(crate) const POSTS_MAX: usize = 50;

/// Changes whenever the renderers make something else of the same posts, so that documents kept by
/// another version are not served. The program's version is in it because feeds name it.
const RENDERER_VERSION: &str = concat!("1 ", env!("CARGO_PKG_VERSION"), " ");

/// A post of a listing.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// The post.
    pub(crate) shown: Authored,
    /// The post that it passes on, where everybody may see it.
    pub(crate) original: Option<Authored>,
}

/// A page of posts, newest first.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    /// What they are about.
    pub(crate) subject: Subject,
    /// Where the page was cut from all of them.
    pub(crate) window: Window,
    /// The posts.
    pub(crate) posts: Vec<Listed>,
    /// Whether older posts follow.
    pub(crate) has_older: bool,
    /// Where the reading broke off before the page was full.
    pub(crate) broke_off_at: Option<PostId>,
}

impl Listing {
    /// Reads a page of a subject.
    pub(crate) async fn read(
        store: &dyn Store,
        subject: Subject,
        window: Window,
    ) -> Result<Self, StoreError> {
        let page = Page::Topic(subject.topic());
        let upwards = window.direction == Direction::OldestFirst;
        // One more says whether an older page follows. Upwards from a cursor one always does: it
        // holds the cursor's post, or what was below it.
        let limit = if upwards { POSTS_MAX } else { POSTS_MAX + 1 };
        let read = read_page(store, None, &page, window, limit).await?;
        let mut shown = read.shown;
        let has_older = upwards || shown.len() > POSTS_MAX || read.broke_off_at.is_some();
        shown.truncate(POSTS_MAX);
        Ok(Self {
            subject,
            window,
            posts: shown.into_iter().map(Listed::from).collect(),
            has_older,
            broke_off_at: read.broke_off_at,
        })
    }

    /// Whether this is the first page: the newest posts.
    pub(crate) fn is_first(&self) -> bool {
        self.window == Window::NEWEST
    }

    /// The cursor of the next older page.
    pub(crate) fn older(&self) -> Option<PostId> {
        let last = self.posts.last().filter(|_| self.has_older);
        let broke_off_at = self.broke_off_at.filter(|_| !self.is_upwards());
        broke_off_at.or(last.map(|last| last.shown.post.id))
    }

    /// The cursor of the next newer page.
    pub(crate) fn newer(&self) -> Option<PostId> {
        let first = self.posts.first().filter(|_| !self.is_first());
        let broke_off_at = self.broke_off_at.filter(|_| self.is_upwards());
        broke_off_at.or(first.map(|first| first.shown.post.id))
    }

    fn is_upwards(&self) -> bool {
        self.window.direction == Direction::OldestFirst
    }

    /// Names the content: two listings with the same fingerprint are rendered alike.
    pub(crate) fn fingerprint(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(RENDERER_VERSION);
        hash.update([u8::from(self.has_older)]);
        if let Some(id) = self.broke_off_at {
            hash.update(id.0.to_be_bytes());
        }
        if let Subject::Author(user) = &self.subject {
            hash.update(user.revision.to_be_bytes());
        }
        for listed in &self.posts {
            update(&mut hash, &listed.shown);
            hash.update([u8::from(listed.original.is_some())]);
            if let Some(original) = &listed.original {
                update(&mut hash, original);
            }
        }
        let digest: [u8; 32] = hash.finalize().into();
        std::array::from_fn(|at| digest[at])
    }
}

fn update(hash: &mut Sha256, authored: &Authored) {
    let Authored { post, author } = authored;
    hash.update(post.id.0.to_be_bytes());
    hash.update(post.revision.to_be_bytes());
    hash.update(author.id.0.to_be_bytes());
    hash.update(author.revision.to_be_bytes());
}

/// A single post, as somebody without a token sees it; `None` where he may not, or there is none.
pub(crate) async fn read_one(store: &dyn Store, id: PostId) -> Result<Option<Listed>, StoreError> {
    Ok(read_post(store, None, id).await?.map(Listed::from))
}

impl From<Shown> for Listed {
    fn from(shown: Shown) -> Self {
        let Shown { post, author, .. } = shown;
        Self {
            shown: Authored { post, author },
            original: shown.original,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::samples::{ada, listed, listing, post},
        *,
    };

    #[test]
    fn a_listing_whose_reading_broke_off_goes_on_there() {
        let at = PostId(7);
        let newest = listed(&ada(), post(&ada(), 1, "newest"));
        let id = newest.shown.post.id;
        let whole = Listing {
            has_older: true,
            ..listing(Subject::Public, vec![newest])
        };
        assert_eq!((whole.older(), whole.newer()), (Some(id), None));
        let downwards = Listing {
            broke_off_at: Some(at),
            ..whole.clone()
        };
        assert_eq!((downwards.older(), downwards.newer()), (Some(at), None));
        assert_ne!(downwards.fingerprint(), whole.fingerprint());
        let upwards = Listing {
            window: Window::of_page(None, Some(PostId(1))),
            ..downwards.clone()
        };
        assert_eq!((upwards.older(), upwards.newer()), (Some(id), Some(at)));
        let empty = Listing {
            posts: vec![],
            ..downwards
        };
        assert_eq!(empty.older(), Some(at));
    }
}
