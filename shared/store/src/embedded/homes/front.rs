//! A timeline's front: the one cache line that a push needs.

/// Words of a cache line. Fronts and the rings behind them are made of whole lines.
pub(super) const LINE_WORDS: usize = 8;
/// Ids of a line; its last word belongs to the structure.
pub(super) const LINE_IDS: usize = LINE_WORDS - 1;
/// Lines of a block of a ring.
pub(super) const BLOCK_LINES: usize = 4;
/// Ids of a block.
pub(super) const BLOCK_IDS: usize = BLOCK_LINES * LINE_IDS;

/// The ids that came last, and in the last word a [`Head`].
pub(super) type Line = [u64; LINE_WORDS];

/// The last word of a line.
pub(super) const LAST: usize = LINE_WORDS - 1;

const ROOM_MASK: u64 = 7;
const IN_USE: u64 = 1 << 3;
const LINE_SHIFT: u32 = 4;
const FLOOR_SHIFT: u32 = 32;

/// A post on its way, with the part of its id that a push compares.
#[derive(Clone, Copy, Debug)]
pub(in crate::embedded) struct Posted {
    pub(super) id: u64,
    coarse: u32,
}

impl Posted {
    pub(in crate::embedded) fn new(id: u64) -> Self {
        let coarse = coarse(id);
        Self { id, coarse }
    }
}

/// The upper bits of an id: all posts of half a second have the same ones.
pub(super) fn coarse(id: u64) -> u32 {
    u32::try_from(id >> 21).unwrap_or(u32::MAX)
}

/// The state of a front, in one word: how many ids still fit, whether the timeline is warm or
/// warming, to which line of the ring the ids go when none fits any more, and the coarse part of
/// the smallest id that is kept.
///
/// Zero, as memory comes from the system, is the head of a cold timeline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Head(u64);

impl Head {
    pub(super) const COLD: Self = Self(0);

    /// That of an empty front. Line 0 of a block is never gone on to without a look at the ring, so
    /// 0 stands for no line.
    pub(super) fn new(from: u64, line: u32) -> Self {
        Self(
            u64::from(coarse(from)) << FLOOR_SHIFT
                | u64::from(line) << LINE_SHIFT
                | IN_USE
                | LINE_IDS as u64,
        )
    }

    pub(super) const fn of(front: &Line) -> Self {
        Self(front[LAST])
    }

    pub(super) const fn put(self, front: &mut Line) {
        front[LAST] = self.0;
    }

    /// Ids that still fit.
    pub(super) const fn room(self) -> usize {
        (self.0 & ROOM_MASK) as usize
    }

    /// The line of the ring that is to be written next; 0 when a look at the ring must tell.
    pub(super) const fn line(self) -> u32 {
        self.lower() >> LINE_SHIFT
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    const fn lower(self) -> u32 {
        self.0 as u32
    }

    pub(super) const fn with_line(self, line: u32) -> Self {
        let keep = self.0 & !(((u32::MAX >> LINE_SHIFT) as u64) << LINE_SHIFT);
        Self(keep | (line as u64) << LINE_SHIFT)
    }

    pub(super) fn with_from(self, from: u64) -> Self {
        let keep = self.0 & (u64::MAX >> FLOOR_SHIFT);
        Self(keep | u64::from(coarse(from)) << FLOOR_SHIFT)
    }

    /// The same front when its ids have left.
    const fn emptied(self) -> Self {
        Self(self.0 | LINE_IDS as u64)
    }

    const fn floor(self) -> u32 {
        (self.0 >> FLOOR_SHIFT) as u32
    }
}

/// The first line of a block.
pub(super) const fn first_line(block: u32) -> u32 {
    block << BLOCK_LINES.trailing_zeros()
}

/// Lines of the block being filled that were written since it was begun.
pub(super) const fn lines_written(front: &Line) -> u32 {
    match Head::of(front).line() & (first_line(1) - 1) {
        0 => first_line(1),
        written => written,
    }
}

/// The ids of a front.
pub(super) fn ids(front: &Line) -> &[u64] {
    &front[..LINE_IDS - Head::of(front).room()]
}

/// Puts an id into a front that has room.
pub(super) const fn append(front: &mut Line, id: u64) {
    let room = (front[LAST] & ROOM_MASK) as usize;
    front[LINE_IDS - room] = id;
    front[LAST] -= 1;
}

/// Moves the ids of a full front to the line of the ring that is next.
pub(super) fn flush(front: &mut Line, ring: &mut Line) {
    let head = Head::of(front);
    *ring = *front;
    let next = head.line() + 1;
    let is_last = next.is_multiple_of(first_line(1));
    let next = if is_last { 0 } else { next };
    head.emptied().with_line(next).put(front);
}

/// Pushes a post where the front has room and nothing needs a closer look. `false`, and nothing has
/// happened, where it does.
#[inline]
pub(super) const fn push_in_room(front: &mut Line, post: &Posted) -> bool {
    let head = Head::of(front);
    let fits = head.room() > 0 && post.coarse > head.floor();
    if fits {
        append(front, post.id);
    }
    fits
}

/// Pushes a post where that needs no look at anything but the front and the line that its ids go to.
/// `false`, and nothing has happened, where it does.
#[inline]
pub(super) fn push(front: &mut Line, rings: &mut [Line], post: &Posted) -> bool {
    let head = Head::of(front);
    // An id with the same coarse part as the floor, or a smaller one, must be compared in full.
    if post.coarse <= head.floor() {
        return false;
    }
    if head.room() == 0 {
        if head.line() == 0 {
            return false;
        }
        let Some(ring) = rings.get_mut(head.line() as usize) else {
            return false;
        };
        flush(front, ring);
    }
    append(front, post.id);
    true
}
