//! A home timeline as Redis holds it: a header, then ids of 8 bytes in the order of their arrival. It
//! takes every id blindly, in any order and more than once: reading sorts.

use ripple_domain::PostId;

use crate::{Home, home::HOME_IDS_MAX};

/// `H`, the state, the token of the rebuild, the floor. Not a multiple of 8: the length alone tells a
/// timeline from the remains of pushes to one that had just become cold.
pub(super) const HEADER_BYTES: usize = 18;
/// Past this length a timeline is shortened: twice as many entries as it may hold.
pub(super) const BYTES_MAX: usize = HEADER_BYTES + 2 * HOME_IDS_MAX * 8;

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

/// The ids in the order in which they are pushed.
pub(super) fn pack(ids: impl IntoIterator<Item = PostId>) -> Vec<u8> {
    ids.into_iter().flat_map(|id| id.0.to_be_bytes()).collect()
}

/// The beginning of a timeline that was rebuilt with `ids`, newest first.
pub(super) fn finished(token: u64, ids: &[PostId], complete: bool) -> (Vec<u8>, Vec<u8>) {
    let floor = match ids.last() {
        _ if complete => None,
        Some(last) => last.0.checked_sub(1).map(PostId),
        // Nothing is known of the past at all.
        None => Some(PostId::MAX),
    };
    let header = Header {
        is_warm: true,
        token,
        floor,
    };
    (header.into(), pack(ids.iter().rev().copied()))
}

/// What a kept string is.
pub(super) fn parse(kept: &[u8]) -> Home {
    match Header::decode(kept.get(..HEADER_BYTES).unwrap_or_default()) {
        Some(header) if header.is_warm && is_timeline(kept.len()) => {
            let (ids, floor) = read(header, &kept[HEADER_BYTES..]);
            Home::Warm { ids, floor }
        }
        _ => Home::Cold,
    }
}

/// A shorter beginning for a timeline that is too long: its header as it is, and what to put in the
/// place of all that was read. `None` where it is not warm.
pub(super) fn shortened(kept: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let before = kept.get(..HEADER_BYTES)?;
    let header = Header::decode(before).filter(|header| header.is_warm)?;
    if !is_timeline(kept.len()) {
        return None;
    }
    let (ids, floor) = read(header, &kept[HEADER_BYTES..]);
    let mut shorter: Vec<u8> = Header { floor, ..header }.into();
    shorter.extend(pack(ids.into_iter().rev()));
    Some((before, shorter))
}

/// The newest ids above the floor, newest first, each once; and the floor, raised where the cap cuts
/// something off.
fn read(header: Header, entries: &[u8]) -> (Vec<PostId>, Option<PostId>) {
    let (entries, _) = entries.as_chunks::<8>();
    let mut ids: Vec<PostId> = entries
        .iter()
        .map(|id| PostId(u64::from_be_bytes(*id)))
        .filter(|id| header.floor.is_none_or(|floor| *id > floor))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.reverse();
    let floor = ids.get(HOME_IDS_MAX).copied().or(header.floor);
    ids.truncate(HOME_IDS_MAX);
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
        let warming: Vec<u8> = Header::warming(3).into();
        for kept in [
            vec![],
            appended(warming, &[5]),
            appended(vec![], &[5]),
            appended(vec![], &[5, 6, 7, 8]),
        ] {
            assert_eq!(parse(&kept), Home::Cold);
            assert_eq!(shortened(&kept), None);
        }
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
                let (_, shorter) = shortened(&kept).unwrap();
                prop_assert!(shorter.len() <= HEADER_BYTES + HOME_IDS_MAX * 8);
                prop_assert_eq!(parse(&shorter), Home::Warm { ids, floor });
                kept = shorter;
            }
        }
    }
}
