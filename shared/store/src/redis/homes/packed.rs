//! A home timeline as Redis holds it: a header, then ids of 8 bytes in the order of their arrival. It
//! takes every id blindly, in any order and more than once: reading sorts.

use ripple_domain::{PARTITIONS, PostId, UserId};

use crate::{Home, home::HOME_IDS_MAX};

/// `H`, the state, the token of the rebuild, the floor. Not a multiple of 8: the length alone tells a
/// timeline from the remains of pushes to one that had just become cold.
pub(super) const HEADER_BYTES: usize = 18;
/// Entries with which a timeline begins when it has been rebuilt or shortened, at most. Redis doubles
/// the room of a string that grows, and jemalloc has no size between 12,288 and 14,336 bytes: with 800
/// entries to begin with, each would cost a sixth more.
const BEGINNING_MAX: usize = 760;
/// Entries that fit in the room of one that began with so many.
const ENTRIES_MAX: usize = 1_530;
/// Timelines that were rebuilt together are not to become too long with the same post: they may have
/// fewer entries, by up to so many.
const SPREAD: u32 = 256;

const WARMING: u8 = b'w';
const WARM: u8 = b'W';

/// What a timeline begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    is_warm: bool,
    token: u64,
    /// The timeline is complete above it. `None`: down to the first post.
    floor: Option<PostId>,
}

impl Header {
    /// Of a timeline whose rebuild has begun.
    pub(super) const fn warming(token: u64) -> Self {
        Self {
            is_warm: false,
            token,
            floor: None,
        }
    }

    fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = b'H';
        bytes[1] = if self.is_warm { WARM } else { WARMING };
        bytes[2..10].copy_from_slice(&self.token.to_be_bytes());
        // One more than the floor, so that zero is none.
        let floor = self.floor.map_or(0, |floor| floor.0 + 1);
        bytes[10..].copy_from_slice(&floor.to_be_bytes());
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let [b'H', state @ (WARM | WARMING), rest @ ..] = bytes else {
            return None;
        };
        let (token, rest) = rest.split_first_chunk()?;
        let floor = u64::from_be_bytes(rest.try_into().ok()?);
        Some(Self {
            is_warm: *state == WARM,
            token: u64::from_be_bytes(*token),
            floor: floor.checked_sub(1).map(PostId),
        })
    }
}

impl From<Header> for Vec<u8> {
    fn from(header: Header) -> Self {
        header.encode().into()
    }
}

/// Whether an `APPEND` that answered with this length met a timeline.
pub(super) const fn is_timeline(bytes: usize) -> bool {
    bytes % 8 == HEADER_BYTES % 8
}

/// Whether the timeline of this user is too long.
pub(super) const fn is_long(user: UserId, bytes: usize) -> bool {
    let spread = user.0 / PARTITIONS as u32 % SPREAD;
    bytes > HEADER_BYTES + (ENTRIES_MAX - spread as usize) * 8
}

/// The ids in the order in which they are pushed.
pub(super) fn pack(ids: impl IntoIterator<Item = PostId>) -> Vec<u8> {
    ids.into_iter().flat_map(|id| id.0.to_be_bytes()).collect()
}

/// The header of a timeline that was rebuilt with `ids`, newest first, and its entries.
pub(super) fn finished(token: u64, ids: &[PostId], complete: bool) -> (Vec<u8>, Vec<u8>) {
    let kept = &ids[..ids.len().min(BEGINNING_MAX)];
    let floor = match kept.last() {
        _ if complete && kept.len() == ids.len() => None,
        Some(last) => last.0.checked_sub(1).map(PostId),
        // Nothing is known of the past at all.
        None => Some(PostId::MAX),
    };
    let header = Header {
        is_warm: true,
        token,
        floor,
    };
    (header.into(), pack(kept.iter().rev().copied()))
}

/// What a kept string is.
pub(super) fn parse(kept: &[u8]) -> Home {
    match Header::decode(kept.get(..HEADER_BYTES).unwrap_or_default()) {
        Some(header) if header.is_warm && is_timeline(kept.len()) => {
            let (ids, floor) = read(header, &kept[HEADER_BYTES..], HOME_IDS_MAX);
            Home::Warm { ids, floor }
        }
        _ => Home::Cold,
    }
}

/// What is to become of a timeline that is too long.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shortened<'a> {
    /// This takes the place of all that was read, where its header is still this one.
    To {
        /// The header that was read.
        before: &'a [u8],
        /// The new header.
        header: Vec<u8>,
        /// Fewer entries.
        entries: Vec<u8>,
    },
    /// It has been warming for so long that nobody rebuilds it any more: it becomes cold.
    Away,
}

/// A shorter timeline; `None` where there is none, or only the remains of pushes.
pub(super) fn shortened(kept: &[u8]) -> Option<Shortened<'_>> {
    let before = kept.get(..HEADER_BYTES)?;
    let header = Header::decode(before).filter(|_| is_timeline(kept.len()))?;
    if !header.is_warm {
        return Some(Shortened::Away);
    }
    let (ids, floor) = read(header, &kept[HEADER_BYTES..], BEGINNING_MAX);
    let header = Header {
        floor,
        // Whoever has read the timeline as it was before must not shorten it any more.
        token: header.token.wrapping_add(1),
        ..header
    };
    Some(Shortened::To {
        before,
        header: header.into(),
        entries: pack(ids.into_iter().rev()),
    })
}

/// The newest ids above the floor, newest first, each once, and `max` at most; and the floor, raised
/// where that cuts something off.
fn read(header: Header, entries: &[u8], max: usize) -> (Vec<PostId>, Option<PostId>) {
    let (entries, _) = entries.as_chunks::<8>();
    let mut ids: Vec<PostId> = entries
        .iter()
        .map(|id| PostId(u64::from_be_bytes(*id)))
        .filter(|id| header.floor.is_none_or(|floor| *id > floor))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.reverse();
    let floor = ids.get(max).copied().or(header.floor);
    ids.truncate(max);
    (ids, floor)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn appended(mut kept: Vec<u8>, ids: &[u64]) -> Vec<u8> {
        kept.extend(pack(ids.iter().copied().map(PostId)));
        kept
    }

    fn rebuilt(ids: &[u64], complete: bool) -> Vec<u8> {
        let ids: Vec<PostId> = ids.iter().copied().map(PostId).collect();
        let (mut kept, packed) = finished(7, &ids, complete);
        kept.extend(packed);
        kept
    }

    #[test]
    fn what_warms_or_has_no_header_is_cold() {
        for kept in [
            vec![],
            appended(vec![], &[5]),
            appended(vec![], &[5, 6, 7, 8]),
        ] {
            assert_eq!(parse(&kept), Home::Cold);
            assert_eq!(shortened(&kept), None);
        }
        let warming = appended(Header::warming(3).into(), &[5]);
        assert_eq!(parse(&warming), Home::Cold);
        assert_eq!(shortened(&warming), Some(Shortened::Away));
    }

    #[test]
    fn a_timeline_is_shortened_once() {
        // What was pushed again and again does not raise the floor.
        let kept = appended(rebuilt(&[9, 7], true), &[9; 1_600]);
        let Some(Shortened::To {
            before,
            header,
            entries,
        }) = shortened(&kept)
        else {
            panic!("cold");
        };
        assert!(kept.starts_with(before));
        assert_ne!(header, before);
        assert_eq!(parse(&[header, entries].concat()), parse(&kept));
    }

    #[test]
    fn what_is_not_too_long_fits_in_the_room_of_its_beginning() {
        const HEADER_OF_A_STRING: usize = 6;
        let beginning = rebuilt(&(1..=900).rev().collect::<Vec<_>>(), true).len();
        let room = 2 * beginning + HEADER_OF_A_STRING;
        assert!(room <= 12_288, "{room}");
        let longest = HEADER_BYTES + ENTRIES_MAX * 8;
        assert!(is_long(UserId(0), longest + 1) && !is_long(UserId(0), longest));
        assert!(longest + 8 + HEADER_OF_A_STRING <= 12_288);
        // And it is not shortened long before it has to be.
        assert!((0..100_000).all(|user| !is_long(UserId(user), HEADER_BYTES + 1_200 * 8)));
    }

    #[test]
    fn an_incomplete_timeline_has_a_floor_below_its_last_id() {
        let kept = appended(rebuilt(&[9, 7], false), &[8, 3]);
        let expected = Home::Warm {
            ids: [9, 8, 7].map(PostId).to_vec(),
            floor: Some(PostId(6)),
        };
        assert_eq!(parse(&kept), expected);
    }

    proptest! {
        #[test]
        fn a_timeline_is_complete_above_its_floor(
            known in prop::collection::btree_set(1_u64..3_000, 0..900),
            pushed in prop::collection::vec(1_u64..4_000, 0..1_800),
            complete: bool,
        ) {
            let first: Vec<u64> = known.iter().rev().copied().collect();
            let mut kept = appended(rebuilt(&first, complete), &pushed);
            let all: BTreeSet<u64> = known.iter().chain(&pushed).copied().collect();
            for _ in 0..2 {
                let Home::Warm { ids, floor } = parse(&kept) else { panic!("cold") };
                prop_assert!(ids.len() <= HOME_IDS_MAX);
                let above = |id: &u64| floor.is_none_or(|floor| *id > floor.0);
                let expected: Vec<PostId> =
                    all.iter().rev().copied().filter(above).map(PostId).collect();
                prop_assert_eq!(&ids, &expected);
                let Some(Shortened::To { header, entries, .. }) = shortened(&kept) else {
                    panic!("cold")
                };
                let beginning = [header, entries].concat();
                prop_assert!(beginning.len() <= HEADER_BYTES + BEGINNING_MAX * 8);
                let left = &ids[..ids.len().min(BEGINNING_MAX)];
                let floor = ids.get(BEGINNING_MAX).copied().or(floor);
                prop_assert_eq!(parse(&beginning), Home::Warm { ids: left.to_vec(), floor });
                kept = beginning;
            }
        }
    }
}
