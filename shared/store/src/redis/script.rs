//! The scripts that run inside Redis: each is one atomic step in one partition.

use std::sync::LazyLock;

/// Names a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Script {
    /// Tells how urgent the first jobs of a partition are.
    Look,
    /// Claims jobs.
    Claim,
    /// Settles claimed jobs.
    Settle,
    /// Lengthens leases.
    Extend,
    /// Counts the jobs of a partition.
    QueueFigures,
    /// Enqueues jobs that no commit causes.
    Enqueue,
    /// Takes out dead letters, to put them back into the queue or to forget them.
    TakeDead,
    /// Commits a post with its jobs.
    CommitPost,
    /// Changes a post and enqueues the jobs that bring the pages in line.
    EditPost,
    /// Leaves a tombstone in a post's place and enqueues the jobs that clean up.
    DeletePost,
    /// Counts an answer to a post, or a repost, or counts it no longer.
    CountRelative,
    /// Reads a part of a partition's post log.
    ReadLog,
    /// Begins the rebuild of a home timeline.
    BeginHome,
    /// Ends the rebuild of a home timeline.
    FinishHome,
    /// Shortens a home timeline.
    SwapHome,
    /// Makes home timelines cold.
    CoolHomes,
    /// Removes what pushes have left of a home timeline.
    MendHome,
    /// Tells how much memory is used.
    LookAtMemory,
    /// Enters a post in inboxes.
    EnterInbox,
    /// Takes user ids.
    TakeUserIds,
    /// Writes down users who are to be created.
    ProposeUsers,
    /// Gives handles to users, where they are free.
    ClaimHandles,
    /// Tells which users exist.
    UsersExist,
    /// Writes the token of a user who is sure to exist.
    WriteToken,
    /// Makes users of proposals.
    ActivateUsers,
    /// Takes the proposal of a user away.
    WithdrawUser,
    /// Changes a user's record.
    UpdateUser,
    /// Reserves an idempotency key for a proposed user.
    ReserveKey,
    /// Frees an idempotency key.
    ReleaseKey,
    /// Enters followers in the lists of those whom they are to follow.
    EnterFollowers,
    /// Lets users follow, whose followers' lists know of it already.
    CommitFollows,
    /// Ends a follow.
    EndFollow,
    /// Makes follows that are under way begin anew.
    FenceFollow,
    /// Leaves tickets for removals from lists.
    LeaveTickets,
    /// Takes a follower from a list.
    LeaveFollowers,
    /// Sets or ends a mute or a block.
    SetRelation,
    /// Tells how a block stands, and since which change.
    BlockVersion,
    /// Notes a block with him whom it hits.
    NoteBlock,
    /// Notes where a post may be, before the pages of topics are touched.
    BeginIndex,
    /// Settles a job of the public tier.
    FinishIndex,
    /// Enters posts on a topic's page and takes others from it.
    IndexTopic,
    /// Keeps a feed document.
    KeepFeed,
    /// Forgets the names of topics without feed documents.
    ForgetFeedTopics,
}

impl Script {
    /// Every script.
    pub(super) const ALL: &'static [Self] = &[
        Self::Look,
        Self::Claim,
        Self::Settle,
        Self::Extend,
        Self::QueueFigures,
        Self::Enqueue,
        Self::TakeDead,
        Self::CommitPost,
        Self::EditPost,
        Self::DeletePost,
        Self::CountRelative,
        Self::ReadLog,
        Self::BeginHome,
        Self::FinishHome,
        Self::SwapHome,
        Self::CoolHomes,
        Self::MendHome,
        Self::LookAtMemory,
        Self::EnterInbox,
        Self::TakeUserIds,
        Self::ProposeUsers,
        Self::ClaimHandles,
        Self::UsersExist,
        Self::WriteToken,
        Self::ActivateUsers,
        Self::WithdrawUser,
        Self::UpdateUser,
        Self::ReserveKey,
        Self::ReleaseKey,
        Self::EnterFollowers,
        Self::CommitFollows,
        Self::EndFollow,
        Self::FenceFollow,
        Self::LeaveTickets,
        Self::LeaveFollowers,
        Self::SetRelation,
        Self::BlockVersion,
        Self::NoteBlock,
        Self::BeginIndex,
        Self::FinishIndex,
        Self::IndexTopic,
        Self::KeepFeed,
        Self::ForgetFeedTopics,
    ];

    /// What it does.
    pub(super) fn source(self) -> &'static str {
        match self {
            // The queue is worked off also where memory is full: that makes room.
            Self::Look => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/lib/due.lua"),
                include_str!("scripts/look.lua"),
            ),
            Self::Claim => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/lib/due.lua"),
                include_str!("scripts/claim.lua"),
            ),
            Self::Settle => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/lib/stage.lua"),
                include_str!("scripts/settle.lua"),
            ),
            Self::Extend => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/extend.lua"),
            ),
            Self::QueueFigures => concat!(
                "#!lua flags=no-writes\n",
                include_str!("scripts/queue_figures.lua"),
            ),
            Self::Enqueue => concat!(
                "#!lua\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/nonce.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/enqueue.lua"),
            ),
            Self::TakeDead => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/nonce.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/take_dead.lua"),
            ),
            Self::CommitPost => concat!(
                "#!lua\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/backdated.lua"),
                include_str!("scripts/lib/nonce.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/lib/post_log.lua"),
                include_str!("scripts/commit_post.lua"),
            ),
            Self::EditPost => concat!(
                "#!lua\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/nonce.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/lib/post.lua"),
                include_str!("scripts/edit_post.lua"),
            ),
            // Also where memory is full: what is deleted makes room.
            Self::DeletePost => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/nonce.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/lib/post.lua"),
                include_str!("scripts/delete_post.lua"),
            ),
            Self::CountRelative => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/post.lua"),
                include_str!("scripts/count_relative.lua"),
            ),
            Self::ReadLog => concat!(
                "#!lua flags=no-writes\n",
                include_str!("scripts/read_log.lua")
            ),
            Self::BeginHome => concat!(
                "#!lua\n",
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/lib/memory.lua"),
                include_str!("scripts/begin_home.lua"),
            ),
            Self::FinishHome => concat!(
                "#!lua\n",
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/finish_home.lua"),
            ),
            Self::SwapHome => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/swap_home.lua"),
            ),
            Self::CoolHomes => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/cool_homes.lua"),
            ),
            Self::MendHome => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/mend_home.lua"),
            ),
            Self::LookAtMemory => concat!(
                "#!lua flags=no-writes\n",
                include_str!("scripts/lib/memory.lua"),
                include_str!("scripts/look_at_memory.lua"),
            ),
            // What was accepted is delivered also where memory is full. Its pages are bounded by what is
            // accepted, which is refused meanwhile.
            Self::EnterInbox => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/enter_inbox.lua"),
            ),
            Self::TakeUserIds => concat!("#!lua\n", include_str!("scripts/take_user_ids.lua"),),
            Self::ProposeUsers => concat!("#!lua\n", include_str!("scripts/propose_users.lua"),),
            Self::ClaimHandles => concat!("#!lua\n", include_str!("scripts/claim_handles.lua")),
            Self::UsersExist => concat!(
                "#!lua flags=no-writes\n",
                include_str!("scripts/users_exist.lua")
            ),
            Self::WriteToken => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/write_token.lua"),
            ),
            Self::ActivateUsers => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/activate_users.lua"),
            ),
            Self::WithdrawUser => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/withdraw_user.lua"),
            ),
            Self::UpdateUser => concat!(
                "#!lua\n",
                include_str!("scripts/lib/nonce.lua"),
                include_str!("scripts/update_user.lua"),
            ),
            Self::ReserveKey => concat!("#!lua\n", include_str!("scripts/reserve_key.lua"),),
            Self::ReleaseKey => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/release_key.lua"),
            ),
            Self::EnterFollowers => concat!(
                "#!lua\n",
                include_str!("scripts/lib/nonce.lua"),
                include_str!("scripts/lib/followers.lua"),
                include_str!("scripts/enter_followers.lua"),
            ),
            Self::CommitFollows => concat!(
                "#!lua\n",
                include_str!("scripts/lib/nonce.lua"),
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/commit_follows.lua"),
            ),
            Self::EndFollow => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/nonce.lua"),
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/end_follow.lua"),
            ),
            Self::FenceFollow => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/fence_follow.lua"),
            ),
            Self::LeaveTickets => concat!("#!lua\n", include_str!("scripts/leave_tickets.lua")),
            Self::LeaveFollowers => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/followers.lua"),
                include_str!("scripts/leave_followers.lua"),
            ),
            Self::SetRelation => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/nonce.lua"),
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/set_relation.lua"),
            ),
            Self::BlockVersion => concat!(
                "#!lua flags=no-writes\n",
                include_str!("scripts/block_version.lua"),
            ),
            Self::NoteBlock => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/homes.lua"),
                include_str!("scripts/note_block.lua"),
            ),
            Self::BeginIndex => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/begin_index.lua"),
            ),
            Self::FinishIndex => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/lib/ids.lua"),
                include_str!("scripts/lib/queue.lua"),
                include_str!("scripts/lib/stage.lua"),
                include_str!("scripts/finish_index.lua"),
            ),
            Self::IndexTopic => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/index_topic.lua"),
            ),
            Self::KeepFeed => concat!("#!lua\n", include_str!("scripts/keep_feed.lua")),
            Self::ForgetFeedTopics => concat!(
                "#!lua flags=allow-oom\n",
                include_str!("scripts/forget_feed_topics.lua"),
            ),
        }
    }

    /// The name by which Redis knows it once it is loaded: the SHA-1 of its source, in hex.
    pub(super) fn hash(self) -> &'static str {
        static HASHES: LazyLock<Vec<String>> = LazyLock::new(|| {
            let script = |script: &Script| redis::Script::new(script.source());
            Script::ALL
                .iter()
                .map(|name| script(name).get_hash().to_owned())
                .collect()
        });
        &HASHES[self as usize]
    }
}
