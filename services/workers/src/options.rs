use ripple_domain::Tier;

/// How the workers of a process work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// The tiers whose jobs this process does.
    pub tiers: Vec<Tier>,
    /// How long a claim holds without being renewed, in milliseconds: a worker that dies is replaced
    /// after this time. Leases are renewed every third of it.
    pub lease_ms: u32,
    /// How long a stopping worker may finish what it has begun, in milliseconds; what is left then
    /// goes back to the queue.
    pub drain_ms: u64,
    /// Batches of a tier that are worked on at the same time.
    pub concurrency: usize,
    /// How often an idle tier looks for jobs that it was not told of, in milliseconds.
    pub poll_ms: u64,
    /// How long jobs of the public tier may gather under load so that more of them share a batch, in
    /// milliseconds. A lone job never waits.
    pub gather_ms: u64,
    /// The posts of an author whom more follow than this are pulled by his readers rather than pushed to
    /// them; `None`: those of nobody.
    pub push_followers_max: Option<u64>,
    /// How long one attempt may take, in milliseconds, before it counts as failed.
    pub attempt_ms_max: u64,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            tiers: Tier::ALL.to_vec(),
            lease_ms: 3_000,
            drain_ms: 10_000,
            concurrency: std::thread::available_parallelism().map_or(1, usize::from),
            poll_ms: 250,
            // A tenth of what the public tier's budget of two seconds allows.
            gather_ms: 200,
            push_followers_max: None,
            attempt_ms_max: 10_000,
        }
    }
}
