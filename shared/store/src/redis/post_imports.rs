//! Imports of posts. A line is committed in its author's partition, together with its import key; then
//! the key is entered in the partition of its own hash, where every import looks first: of a line that
//! another one refers to, only the key is known.

use std::collections::{HashMap, HashSet};

use ripple_domain::{Handle, PostId};

use super::{
    RedisStore,
    commit::Nonce,
    error::store_error,
    import_lines::{ImportKey, Line, Users, choose, rounds},
    key::Key,
    link::{by_partition, decode},
    post_commits::{Commit, KnownBy, Made},
    post_record::{author_of, decode_post},
    relatives::{Note, Relatives},
};
use crate::{CommitError, ImportCounts, ImportedPost, StoreError};

const IMPORTING: &str = "importing posts";

impl RedisStore {
    pub(super) async fn import_batch_of_posts(
        &self,
        batch: Vec<ImportedPost>,
    ) -> Result<ImportCounts, CommitError> {
        self.check_backlog().await?;
        let mut counts = ImportCounts::default();
        let mut known = self.imported(&batch).await?;
        self.add_exported(&batch, &mut known).await?;
        let lines = choose(batch, &known, &mut counts);
        let users = self.users_of(&lines, &mut counts).await?;
        let mut made: Vec<Option<PostId>> = vec![None; lines.len()];
        for round in rounds(&lines, &users) {
            self.commit_round(&lines, &round, &users, &mut made, &mut counts)
                .await?;
        }
        Ok(counts)
    }

    /// The posts that were imported under the keys of these lines and under those that they refer to.
    async fn imported(
        &self,
        batch: &[ImportedPost],
    ) -> Result<HashMap<ImportKey, PostId>, StoreError> {
        let keys = batch.iter().flat_map(|line| {
            let own = Some(line.key);
            [own, line.reply_to, line.repost_of].into_iter().flatten()
        });
        let keys: HashSet<ImportKey> = keys.collect();
        let mut keys: Vec<ImportKey> = keys.into_iter().collect();
        // The answers come by partition.
        keys.sort_by_key(|key| Key::Imported(key).partition());
        let commands = by_partition(
            keys.iter().map(|key| (Key::Imported(key).partition(), key)),
            |commands, key| {
                commands.add("HGET", &Key::Imported(key), &key[..]);
            },
        );
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(IMPORTING))?;
        let mut imported = HashMap::new();
        for (key, answer) in keys.into_iter().zip(answers.into_iter().flatten()) {
            let id: Option<u64> = decode(answer).map_err(store_error(IMPORTING))?;
            imported.extend(id.map(|id| (key, PostId(id))));
        }
        Ok(imported)
    }

    /// Takes for known also those lines that were exported from this store; later lines may refer to
    /// them.
    async fn add_exported(
        &self,
        batch: &[ImportedPost],
        known: &mut HashMap<ImportKey, PostId>,
    ) -> Result<(), StoreError> {
        let mut lines: Vec<(&ImportedPost, PostId)> = batch
            .iter()
            .filter(|line| !known.contains_key(&line.key))
            .filter_map(|line| Some((line, line.exported_from?)))
            .filter(|(line, id)| line.post.created_at == Some(id.time()))
            .collect();
        // The answers come by partition.
        lines.sort_by_key(|(_, id)| id.partition());
        let commands = by_partition(
            lines.iter().map(|(_, id)| (id.partition(), id)),
            |commands, id| {
                commands.add("GET", &Key::Post(*id), &[] as &[&str]);
            },
        );
        let answers = self.link.send_all(&commands).await;
        let answers = answers.map_err(store_error(IMPORTING))?;
        let mut found = Vec::new();
        for ((line, id), answer) in lines.into_iter().zip(answers.into_iter().flatten()) {
            let record: Option<Vec<u8>> = decode(answer).map_err(store_error(IMPORTING))?;
            let Some(record) = record else { continue };
            // What its author has changed or taken back must not come back as it was.
            let may_be_it = decode_post(id, &record)?
                .is_none_or(|post| post.revision > 0 || post.text == line.post.text);
            if may_be_it {
                found.push((line, id, author_of(&record)?));
            }
        }
        let handles: Vec<Handle> = found.iter().map(|(line, ..)| line.author.clone()).collect();
        let named = self.user_ids(&handles).await?;
        let mut notes = Vec::new();
        for ((line, id, author), named) in found.into_iter().zip(named) {
            if named == Some(author) {
                known.insert(line.key, id);
                notes.push(Note::Imported(line.key, id));
            }
        }
        self.follow_up(&notes).await;
        Ok(())
    }

    /// The users of these lines. Authors and those who are addressed are created where there are none.
    async fn users_of(
        &self,
        lines: &[Line],
        counts: &mut ImportCounts,
    ) -> Result<Users, CommitError> {
        let mut seen = HashSet::new();
        let mut new = |handle: &&Handle| seen.insert((*handle).clone());
        let needed = lines
            .iter()
            .flat_map(|line| [&line.author].into_iter().chain(&line.recipients));
        let needed: Vec<Handle> = needed.filter(&mut new).cloned().collect();
        let named = lines.iter().flat_map(|line| &line.mentions);
        let named: Vec<Handle> = named.filter(&mut new).cloned().collect();

        let mut users = Users::with_capacity(needed.len() + named.len());
        let found = self.get_or_create_users(&needed).await?;
        for (handle, (id, created)) in needed.into_iter().zip(found) {
            counts.users_created += u64::from(created);
            users.insert(handle, id);
        }
        let found = named.iter().cloned().zip(self.user_ids(&named).await?);
        users.extend(found.filter_map(|(handle, id)| Some((handle, id?))));
        Ok(users)
    }

    /// Commits the lines of a round, all partitions side by side, and makes them known.
    async fn commit_round(
        &self,
        lines: &[Line],
        round: &[usize],
        users: &Users,
        made: &mut [Option<PostId>],
        counts: &mut ImportCounts,
    ) -> Result<(), CommitError> {
        let underway = self.begin_commit();
        let now = underway.accepted_at;
        let mut posts = Vec::with_capacity(round.len());
        for index in round {
            posts.push((*index, lines[*index].post(users, made)?));
        }
        // The answers come by partition; of one partition the lines stay in their order.
        posts.sort_by_key(|(_, post)| post.author.partition());
        let mut commits = Vec::with_capacity(posts.len());
        for (index, post) in &posts {
            commits.push(Commit {
                post,
                known_by: KnownBy::Import(lines[*index].key),
                now,
                nonce: Nonce::new()?,
                trace: None,
            });
        }
        let mut encoded = Ok(());
        let pipelines = by_partition(
            commits
                .iter()
                .map(|commit| (commit.post.author.partition(), commit)),
            |commands, commit| {
                if let Err(error) = commit.add(commands) {
                    encoded = Err(error);
                }
            },
        );
        encoded?;
        let answers = self.commit_batch(IMPORTING, &pipelines).await?;
        drop(underway);
        let answers = answers.into_iter().flatten();
        let mut notes = Vec::with_capacity(2 * commits.len());
        for (((index, _), commit), answer) in posts.iter().zip(&commits).zip(answers) {
            let (id, count) = match commit.answer(answer)? {
                Made::New(id) => {
                    self.jobs_committed(id.partition(), 1, u64::from(commit.is_listed()));
                    (id, &mut counts.added)
                }
                Made::Known(id) => (id, &mut counts.known),
                Made::Replayed(post) => (post.id, &mut counts.known),
            };
            *count += 1;
            made[*index] = Some(id);
            notes.push(Note::Imported(lines[*index].key, id));
            if commit.relatives() != Relatives::default() {
                notes.push(Note::Count(id, commit.relatives()));
            }
        }
        self.follow_up(&notes).await;
        Ok(())
    }
}
