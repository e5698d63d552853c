//! A store that fails where a test says so, and is the real one everywhere else.

mod facts;
mod queue;
mod read_models;

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use ripple_domain::{PostId, UserId};
use ripple_store::{Clock, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// A call of the workers that can be made to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Claim,
    Extend,
    Settle,
    Posts(Vec<PostId>),
    PushHome(Vec<PostId>),
    PushInboxes(PostId),
    Pull(UserId),
    Index(Vec<PostId>),
}

/// How it fails.
pub(crate) enum Fault {
    /// Nothing happens: the store is out.
    Fail,
    /// Nothing happens: what is stored cannot be understood.
    Damaged,
    /// It happens, and is reported as failed.
    FailAfter,
    Panic,
    /// It does not begin before the token is cancelled.
    WaitFor(CancellationToken),
}

/// What is to happen to a call; `None` lets it through.
pub(crate) type Rule = dyn Fn(&Op) -> Option<Fault> + Send + Sync;

pub(crate) struct Faulty {
    inner: Arc<dyn Store>,
    rule: Box<Rule>,
    ops: Mutex<Vec<Op>>,
    settled: Mutex<Vec<bool>>,
}

impl Faulty {
    pub(crate) fn new(
        inner: Arc<dyn Store>,
        rule: impl Fn(&Op) -> Option<Fault> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            inner,
            rule: Box::new(rule),
            ops: Mutex::default(),
            settled: Mutex::default(),
        })
    }

    /// The calls that wrote something, in the order in which they were let through.
    pub(crate) fn writes(&self) -> Vec<Op> {
        self.ops.lock().unwrap().clone()
    }

    /// What the settlements were answered: whether their leases held.
    pub(crate) fn settled(&self) -> MutexGuard<'_, Vec<bool>> {
        self.settled.lock().unwrap()
    }

    async fn through<T>(
        &self,
        op: Op,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let failed = || {
            Err(StoreError::Unavailable {
                reason: "a fault of the test".into(),
            })
        };
        let fault = (self.rule)(&op);
        match &fault {
            Some(Fault::Fail) => return failed(),
            Some(Fault::Damaged) => return Err(StoreError::Corrupt { what: "post" }),
            Some(Fault::Panic) => panic!("{op:?} panics"),
            Some(Fault::WaitFor(token)) => token.cancelled().await,
            Some(Fault::FailAfter) | None => {}
        }
        if matches!(op, Op::PushHome(_) | Op::PushInboxes(_) | Op::Index(_)) {
            self.ops.lock().unwrap().push(op);
        }
        let answer = call.await;
        match fault {
            Some(Fault::FailAfter) => failed(),
            _ => answer,
        }
    }
}

#[async_trait]
impl Store for Faulty {
    fn clock(&self) -> &Clock {
        self.inner.clock()
    }

    async fn failed(&self) -> String {
        self.inner.failed().await
    }

    async fn housekeep(&self) -> Result<(), StoreError> {
        self.inner.housekeep().await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.inner.ready().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
