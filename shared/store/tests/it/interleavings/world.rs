//! A few users, workers and rebuilds that take turns on one store, beside the model.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use ripple_domain::{PostId, RelationKind, Tier, UserId, Visibility, Window};
use ripple_store::{Claim, Fate, Home, Warming, home};

use super::{
    model::{Model, ModelPost},
    step::Step,
};
use crate::harness::{LEASE_MS, Rig, new_post, pull, push};

pub(super) const USERS: usize = 5;
const TIER: Tier = Tier::Followers;

struct Worker {
    claim: Claim,
    holds_lease: bool,
    /// What is to become of its job; known when its chunk is done.
    fate: Option<Fate>,
}

struct Rebuild {
    warming: Warming,
    /// What it has read: ids, whether that is all, and what was committed before.
    read: Option<(Vec<PostId>, bool, Vec<PostId>)>,
}

pub(super) struct World {
    rig: Rig,
    users: [UserId; USERS],
    model: Model,
    workers: Vec<Worker>,
    rebuilds: Vec<Rebuild>,
    /// By user, the rebuild that can still finish.
    live: [Option<u64>; USERS],
    /// Authors whose posts are not pushed for the time being.
    pulled: BTreeSet<UserId>,
}

impl World {
    /// Everybody's timeline is warm at the beginning.
    pub(super) async fn new(rig: Rig, follows: &[bool]) -> Self {
        let users = rig.users().await;
        let mut model = Model::default();
        for (index, _) in follows.iter().enumerate().filter(|(_, follows)| **follows) {
            let (from, to) = (users[index / USERS], users[index % USERS]);
            if from != to {
                rig.follow(from, to).await;
                model.relate(from, RelationKind::Follow, to, true);
            }
        }
        for user in users {
            home::rebuild(rig.store().as_ref(), user).await.unwrap();
        }
        Self {
            rig,
            users,
            model,
            workers: Vec::new(),
            rebuilds: Vec::new(),
            live: [None; USERS],
            pulled: BTreeSet::new(),
        }
    }

    pub(super) async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Post {
                author,
                visibility,
                to,
            } => self.post(author, visibility, to).await,
            Step::Delete { post } => {
                if let Some(index) = self.standing(post) {
                    self.rig.delete(self.model.posts[index].id).await;
                    self.model.posts[index].deleted = true;
                }
            }
            Step::Show { post, visibility } => {
                if let Some(index) = self.standing(post) {
                    let post = &mut self.model.posts[index];
                    self.rig.show_to(post.author, post.id, visibility).await;
                    let widened = post.visibility == Visibility::Direct;
                    post.jobs += u32::from(widened && visibility != Visibility::Direct);
                    post.visibility = visibility;
                }
            }
            Step::Relate { from, kind, to, on } => {
                let (from, to) = (self.user(from), self.user(to));
                if from != to && self.model.relate(from, kind, to, on) {
                    self.rig.relate(from, kind, to, on).await;
                    self.note_cooled(from, kind, to, on).await?;
                }
            }
            Step::Claim => {
                for claim in self.rig.claim(TIER, 1).await {
                    self.workers.push(Worker {
                        claim,
                        holds_lease: true,
                        fate: None,
                    });
                }
            }
            Step::Push {
                worker,
                followers_max,
            } => self.push(worker, followers_max).await,
            Step::Settle { worker } => self.settle(worker).await?,
            Step::Lose { worker } => {
                if !self.workers.is_empty() {
                    self.workers.remove(worker % self.workers.len());
                }
            }
            Step::LeasesEnd => self.end_leases(),
            Step::Pull { author, on } => {
                let author = self.user(author);
                if on {
                    self.pulled.insert(author);
                } else {
                    self.pulled.remove(&author);
                }
            }
            Step::Begin { user } => {
                let user = self.user(user);
                let warming = self.rig.store().home_begin(user).await.unwrap();
                *self.live_of(user) = Some(warming.token);
                self.rebuilds.push(Rebuild {
                    warming,
                    read: None,
                });
            }
            Step::Read { rebuild, limit } => self.read(rebuild, limit).await,
            Step::Finish { rebuild } => self.finish(rebuild).await?,
            Step::Cool { user } => {
                let user = self.user(user);
                self.rig.store().home_cool(user).await.unwrap();
                *self.live_of(user) = None;
            }
            Step::CoolAll => {
                self.rig.store().home_cool_all().await.unwrap();
                self.live = [None; USERS];
            }
            Step::Look { user } => self.look(self.user(user)).await?,
            Step::Restart => {
                self.rig.restart().await;
                self.workers.clear();
                self.rebuilds.clear();
                self.live = [None; USERS];
            }
        }
        self.note_cold_timelines().await;
        Ok(())
    }

    /// Lets all jobs be done; then every page is exactly what the model says.
    pub(super) async fn come_to_rest(mut self) -> Result<(), TestCaseError> {
        self.end_leases();
        self.rig.drain().await;
        for user in self.users {
            let expected = self.model.home_of(user);
            prop_assert_eq!(
                &self.rig.home_of(user).await,
                &expected,
                "of {}, at rest",
                user
            );
            self.rig.store().home_cool(user).await.unwrap();
            prop_assert_eq!(
                &self.rig.home_of(user).await,
                &expected,
                "of {}, rebuilt",
                user
            );
        }
        Ok(())
    }

    /// Follows and blocks and their ends make timelines cold, so that no rebuild under way finishes.
    async fn note_cooled(
        &mut self,
        from: UserId,
        kind: RelationKind,
        to: UserId,
        on: bool,
    ) -> Result<(), TestCaseError> {
        let cooled = match kind {
            RelationKind::Mute => vec![],
            RelationKind::Block => vec![from, to],
            RelationKind::Follow => vec![from],
        };
        for user in cooled {
            let is_cold = self.rig.store().home(user).await.unwrap() == Home::Cold;
            prop_assert!(is_cold, "{} is warm after {:?} {}", user, kind, on);
            *self.live_of(user) = None;
        }
        Ok(())
    }

    fn user(&self, number: usize) -> UserId {
        self.users[number % USERS]
    }

    fn live_of(&mut self, user: UserId) -> &mut Option<u64> {
        let index = self.users.iter().position(|one| *one == user).unwrap();
        &mut self.live[index]
    }

    /// One of the posts that are not deleted.
    fn standing(&self, number: usize) -> Option<usize> {
        let posts = self.model.posts.iter().enumerate();
        let standing: Vec<usize> = posts
            .filter(|(_, post)| !post.deleted)
            .map(|(index, _)| index)
            .collect();
        let chosen = number.checked_rem(standing.len())?;
        Some(standing[chosen])
    }

    async fn post(&mut self, author: usize, visibility: Visibility, to: usize) {
        let author = self.user(author);
        let recipient = Some(self.user(to)).filter(|to| *to != author);
        // A post that is not direct is addressed to somebody now and then.
        let recipient =
            recipient.filter(|_| visibility == Visibility::Direct || to.is_multiple_of(4));
        let mut new = new_post(author, "hello");
        new.visibility = visibility;
        if let Some(recipient) = recipient {
            new.recipients.push(self.rig.user_ref(recipient).await);
        }
        let id = self.rig.commit(new).await.value.id;
        self.model.posts.push(ModelPost {
            id,
            author,
            visibility,
            recipient,
            deleted: false,
            jobs: 1,
            entered: false,
        });
    }

    async fn push(&mut self, worker: usize, followers_max: usize) {
        let Some(chosen) = worker.checked_rem(self.workers.len()) else {
            return;
        };
        let worker = &mut self.workers[chosen];
        let kind = worker.claim.job.kind;
        let mut posts = self.model.posts.iter_mut();
        let post = posts.find(|post| Some(post.id) == kind.post()).unwrap();
        let store = self.rig.store().as_ref();
        worker.fate = Some(match self.pulled.contains(&post.author) {
            true => pull(store, kind).await,
            false => push(store, kind, followers_max).await,
        });
        post.entered |= !post.deleted && post.recipient.is_some() && is_first_chunk(&kind);
    }

    /// A lease holds until its time is over, and no longer: whoever lost it changes nothing.
    async fn settle(&mut self, worker: usize) -> Result<(), TestCaseError> {
        let Some(chosen) = worker.checked_rem(self.workers.len()) else {
            return Ok(());
        };
        let Some(fate) = self.workers[chosen].fate.clone() else {
            return Ok(());
        };
        let worker = self.workers.remove(chosen);
        let settled = self.rig.settle(&worker.claim, fate.clone()).await;
        prop_assert_eq!(settled, worker.holds_lease, "{:?}", worker.claim);
        if settled && fate == Fate::Ack {
            let id = worker.claim.job.kind.post().unwrap();
            let mut posts = self.model.posts.iter_mut();
            posts.find(|post| post.id == id).unwrap().jobs -= 1;
        }
        Ok(())
    }

    fn end_leases(&mut self) {
        self.rig.pass_ms(i64::from(LEASE_MS));
        for worker in &mut self.workers {
            worker.holds_lease = false;
        }
    }

    async fn read(&mut self, rebuild: usize, limit: usize) {
        let Some(chosen) = rebuild.checked_rem(self.rebuilds.len()) else {
            return;
        };
        let rebuild = &mut self.rebuilds[chosen];
        let committed = self.model.committed();
        let (store, user) = (self.rig.store().as_ref(), rebuild.warming.user);
        let ids = home::read_facts(store, user, Window::NEWEST, limit).await;
        let ids = ids.unwrap();
        let complete = ids.len() < limit;
        rebuild.read = Some((ids, complete, committed));
    }

    async fn finish(&mut self, rebuild: usize) -> Result<(), TestCaseError> {
        let Some(chosen) = rebuild.checked_rem(self.rebuilds.len()) else {
            return Ok(());
        };
        if self.rebuilds[chosen].read.is_none() {
            return Ok(());
        }
        let Rebuild { warming, read } = self.rebuilds.remove(chosen);
        let (ids, complete, committed) = read.unwrap();
        let finished = self.rig.store().home_finish(warming, &ids, complete).await;
        let finished = finished.unwrap();
        let is_live = *self.live_of(warming.user) == Some(warming.token);
        prop_assert_eq!(finished, is_live, "{:?}", warming);
        if finished {
            *self.live_of(warming.user) = None;
            self.model.knows(warming.user, &committed);
        }
        Ok(())
    }

    /// In the middle, a page may lack what is still being carried, and nothing else.
    async fn look(&mut self, user: UserId) -> Result<(), TestCaseError> {
        if self.rig.store().home(user).await.unwrap() == Home::Cold {
            // The reader begins a rebuild of his own, which overtakes those under way.
            *self.live_of(user) = None;
            let committed = self.model.committed();
            self.model.knows(user, &committed);
        }
        let page = self.rig.home_of(user).await;
        let (all, due) = (self.model.home_of(user), self.model.due_in_home_of(user));
        prop_assert!(page.is_sorted_by(|a, b| a > b), "of {}: {:?}", user, page);
        for post in &page {
            prop_assert!(all.contains(post), "{} must not see {}", user, post);
        }
        for post in &due {
            prop_assert!(page.contains(post), "{} misses {}: {:?}", user, post, page);
        }
        Ok(())
    }

    /// A timeline that is found cold while nobody rebuilds it will be rebuilt from what is there now.
    async fn note_cold_timelines(&mut self) {
        let committed = self.model.committed();
        for (index, user) in self.users.into_iter().enumerate() {
            let home = self.rig.store().home(user).await.unwrap();
            if home == Home::Cold && self.live[index].is_none() {
                self.model.knows(user, &committed);
            }
        }
    }
}

fn is_first_chunk(kind: &ripple_domain::JobKind) -> bool {
    matches!(kind, ripple_domain::JobKind::Deliver { after: None, .. })
}
