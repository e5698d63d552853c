//! Jobs after their commit: settled, given up, replayed.

use ripple_domain::{Job, JobId, JobKind, PostId, Stage, StageState, Tier};

use crate::{
    CommitError, StageProgress, StoreError,
    embedded::{
        effect::Effect,
        key::Key,
        queue::QueuedJob,
        record::{DeadRecord, StageRecord},
        tx::Tx,
    },
};

/// A job is done.
pub(in super::super) fn ack(tx: &mut Tx<'_>, job: &Job) {
    tx.delete(&Key::Job(job.id));
    tx.then(Effect::JobDone(job.tier(), job.id));
}

/// A job is given up: it moves to the dead letters, and its post's stage becomes dead.
pub(in super::super) fn bury(tx: &mut Tx<'_>, job: Job, error: String) -> Result<(), StoreError> {
    let tier = job.tier();
    if let Some(post) = job.kind.post() {
        write_dead_stage(tx, post, &job)?;
    }
    tx.delete(&Key::Job(job.id));
    tx.then(Effect::JobDead(tier, job.id));
    let dead_at = tx.now;
    tx.write(
        &Key::Dead(tier, job.id),
        &DeadRecord::V1 {
            job,
            error,
            dead_at,
        },
    )
}

fn write_dead_stage(tx: &mut Tx<'_>, post: PostId, job: &Job) -> Result<(), StoreError> {
    let tier = job.tier();
    // A receipt that cannot be read must not keep the job alive: it is written anew.
    let stage = tx.read::<StageRecord>("receipt", &Key::Stage(post, tier));
    let stage = stage.unwrap_or_default();
    let (author_done_at, stage) = match stage {
        Some(StageRecord::V1 {
            author_done_at,
            stage,
        }) => (author_done_at, stage),
        None => (job.accepted_at, Stage::default()),
    };
    let stage = Stage {
        state: StageState::Dead,
        ..stage
    };
    let progress = StageProgress {
        author_done_at,
        stage,
    };
    write_stage(tx, post, tier, progress)
}

/// Dead letters go back into the queue as new jobs; how many of them there were.
pub(in super::super) fn replay(
    tx: &mut Tx<'_>,
    tier: Tier,
    ids: &[JobId],
) -> Result<u64, CommitError> {
    let mut replayed = 0;
    for id in ids {
        let Some(DeadRecord::V1 { job, .. }) = tx.read("dead letter", &Key::Dead(tier, *id))?
        else {
            continue;
        };
        purge_one(tx, tier, *id);
        tx.enqueue_replayed(from_the_beginning(job.kind), job.trace)?;
        replayed += 1;
    }
    Ok(replayed)
}

/// Forgets dead letters; how many of them there were.
pub(in super::super) fn purge(
    tx: &mut Tx<'_>,
    tier: Tier,
    ids: &[JobId],
) -> Result<u64, CommitError> {
    let mut purged = 0;
    for id in ids {
        if tx.holds(&Key::Dead(tier, *id))? {
            purge_one(tx, tier, *id);
            purged += 1;
        }
    }
    Ok(purged)
}

/// A job goes on waiting as `queued`.
pub(in super::super) fn requeue(tx: &mut Tx<'_>, queued: &QueuedJob) -> Result<(), StoreError> {
    tx.write_job(queued)
}

/// Writes how far a job's tier has come with its post, where there is news of that.
pub(in super::super) fn write_progress(
    tx: &mut Tx<'_>,
    job: &Job,
    progress: Option<StageProgress>,
) -> Result<(), StoreError> {
    match (job.kind.post(), progress) {
        (Some(post), Some(progress)) => write_stage(tx, post, job.tier(), progress),
        _ => Ok(()),
    }
}

/// Writes how far a tier has come with a post.
pub(in super::super) fn write_stage(
    tx: &mut Tx<'_>,
    post: PostId,
    tier: Tier,
    progress: StageProgress,
) -> Result<(), StoreError> {
    let StageProgress {
        author_done_at,
        stage,
    } = progress;
    tx.write(
        &Key::Stage(post, tier),
        &StageRecord::V1 {
            author_done_at,
            stage,
        },
    )
}

fn purge_one(tx: &mut Tx<'_>, tier: Tier, id: JobId) {
    tx.delete(&Key::Dead(tier, id));
    tx.then(Effect::DeadGone(tier));
}

/// A replayed fan-out begins anew: followers may have come before the place where it broke off.
fn from_the_beginning(kind: JobKind) -> JobKind {
    match kind {
        JobKind::Deliver { post, .. } => JobKind::deliver(post),
        // What a replay has sent, it has sent.
        JobKind::Index { .. } | JobKind::Replay { .. } => kind,
    }
}
