//! Jobs as they are kept in the queue, where scripts read and change them (`scripts/lib/queue.lua`).

use ripple_domain::{Job, JobId, JobKind, PostId, Timestamp, TraceContext};

use super::record;
use crate::{DeadJob, StoreError};

const VERSION: u8 = 1;
const CORRUPT: StoreError = StoreError::Corrupt { what: "job" };
/// The last id that a job can have: they are made like those of posts.
pub(super) const JOB_ID_MAX: JobId = JobId(PostId::MAX.0);

/// A job's id as its name in the queue: names are in the order of ids.
pub(super) fn job_name(id: JobId) -> String {
    format!("{id:016}", id = id.0)
}

/// The id in a name.
pub(super) fn parse_job_name(name: &[u8]) -> Result<JobId, StoreError> {
    let digits = str::from_utf8(name).map_err(|_| CORRUPT)?;
    digits.parse().map(JobId).map_err(|_| CORRUPT)
}

/// The letter of a kind in records and in scripts.
pub(super) fn kind_letter(kind: &JobKind) -> u8 {
    match kind {
        JobKind::Deliver { .. } => b'd',
        JobKind::Index { .. } => b'i',
        JobKind::Replay { .. } => b'r',
    }
}

/// How far the work of a job has come; nothing at its beginning.
pub(super) fn encode_rest(kind: &JobKind) -> Result<Vec<u8>, StoreError> {
    let beginning = kind.post().map(|post| JobKind::of_tier(kind.tier(), post));
    if beginning == Some(*kind) {
        return Ok(Vec::new());
    }
    record::encode(kind)
}

/// What is left of a job, as the script takes it that puts it back: its post, its kind, and how far
/// it has come.
pub(super) fn encode_continued(kind: &JobKind) -> Result<Vec<u8>, StoreError> {
    let post = kind.post().map_or(0, |post| post.0).to_be_bytes();
    Ok([&post[..], &[kind_letter(kind)], &encode_rest(kind)?].concat())
}

/// A job with its place in the order of its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueuedJob {
    pub(super) job: Job,
    pub(super) order: Timestamp,
}

/// Decodes the record of the job with this id.
pub(super) fn decode_job(id: JobId, record: &[u8]) -> Result<QueuedJob, StoreError> {
    let mut fields = Fields(record);
    if fields.take()? != [VERSION] {
        return Err(CORRUPT);
    }
    let attempts = u32::from_be_bytes(fields.take()?);
    let _token: [u8; 8] = fields.take()?;
    let order = fields.time()?;
    let accepted_at = fields.time()?;
    let deadline = fields.time()?;
    let expires_at = fields.time()?;
    let post = PostId(u64::from_be_bytes(fields.take()?));
    let [kind, trace_bytes] = fields.take()?;
    let trace = fields.slice(trace_bytes.into())?;
    let rest = fields.0;
    let kind = match (kind, rest) {
        (b'd', []) => JobKind::deliver(post),
        (b'i', []) => JobKind::Index { post },
        (b'd' | b'i' | b'r', rest) => record::decode("job", rest)?,
        _ => return Err(CORRUPT),
    };
    // A trace that cannot be understood is no reason to lose a job.
    let trace: Option<TraceContext> = str::from_utf8(trace)
        .ok()
        .and_then(|text| text.parse().ok());
    Ok(QueuedJob {
        job: Job {
            id,
            kind,
            accepted_at,
            deadline,
            expires_at,
            attempts,
            trace,
        },
        order,
    })
}

/// Whether the record of a job is one that a newer version can read.
pub(super) fn is_of_newer_version(record: &[u8]) -> bool {
    record.first().is_some_and(|version| *version > VERSION)
}

/// Decodes the record of a dead letter: when it was given up, the job's record after its length, why.
pub(super) fn decode_dead(id: JobId, record: &[u8]) -> Result<DeadJob, StoreError> {
    let mut fields = Fields(record);
    let dead_at = fields.time()?;
    let bytes = u32::from_be_bytes(fields.take()?);
    let job = fields.slice(usize::try_from(bytes).map_err(|_| CORRUPT)?)?;
    Ok(DeadJob {
        job: decode_job(id, job)?.job,
        error: String::from_utf8_lossy(fields.0).into_owned(),
        dead_at,
    })
}

/// What is left of a record.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (field, rest) = self.0.split_first_chunk().ok_or(CORRUPT)?;
        self.0 = rest;
        Ok(*field)
    }

    fn time(&mut self) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_ms(i64::from_be_bytes(self.take()?)))
    }

    fn slice(&mut self, bytes: usize) -> Result<&'a [u8], StoreError> {
        let (field, rest) = self.0.split_at_checked(bytes).ok_or(CORRUPT)?;
        self.0 = rest;
        Ok(field)
    }
}

#[cfg(test)]
mod tests {
    use ripple_domain::Tier;

    use super::*;
    use crate::redis::key::tier_letter;

    /// Scripts make deadlines from what `tier.rs` promises.
    #[test]
    fn scripts_know_the_promises_of_the_tiers() {
        let script = include_str!("scripts/lib/queue.lua");
        let table = |name: &str, of: fn(Tier) -> i64| {
            let of_tier = |tier| format!("{} = {}", tier_letter(tier), of(tier));
            let values: Vec<String> = Tier::ALL.into_iter().map(of_tier).collect();
            format!("local {name} = {{ {} }}\n", values.join(", "))
        };
        for line in [
            table("WORST_CASE_MS", Tier::worst_case_ms),
            table("USEFUL_MS", Tier::useful_ms),
        ] {
            assert!(script.contains(&line), "{line}");
        }
    }

    #[test]
    fn names_are_in_the_order_of_ids() {
        let ids = [
            JobId(9),
            JobId(10),
            JobId(3_381_991_833_600_320),
            JOB_ID_MAX,
        ];
        let names: Vec<String> = ids.into_iter().map(job_name).collect();
        assert!(names.is_sorted());
        for (id, name) in ids.into_iter().zip(names) {
            assert_eq!(parse_job_name(name.as_bytes()).unwrap(), id);
        }
    }

    #[test]
    fn a_record_that_is_cut_off_is_refused() {
        assert!(decode_job(JobId(1), &[]).is_err());
        assert!(decode_job(JobId(1), &[VERSION; 54]).is_err());
        assert!(decode_dead(JobId(1), &[0; 20]).is_err());
    }
}
