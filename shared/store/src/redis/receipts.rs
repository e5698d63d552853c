//! Receipts: what the post's record, the stages of its tiers and the indexes say of its delivery.

use std::time::Duration;

use redis::Value;
use ripple_domain::{PostId, Receipt, Stage, StageState, Tier};
use tokio::time::sleep;

use super::{
    RedisStore,
    error::store_error,
    key::Key,
    link::{Commands, decode},
    post_record::decode_post,
    stage_record::decode_stage,
    topic_names::unpack_topics,
};
use crate::{StageProgress, StoreError};

const READING: &str = "reading a receipt";
/// How often a delivery is looked for: often at first, because most take milliseconds.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(200);

impl RedisStore {
    pub(super) async fn read_receipt(&self, id: PostId) -> Result<Option<Receipt>, StoreError> {
        let mut commands = Commands::new(id.partition());
        commands.add("GET", &Key::Post(id), &[] as &[&str]);
        commands.add("HMGET", &Key::Receipt(id), ("f", "p"));
        commands.add("HGET", &Key::Indexed(id), "t");
        let answers = self.link.send(&commands).await;
        let mut answers = answers.map_err(store_error(READING))?.into_iter();
        let mut next = || answers.next().unwrap_or(Value::Nil);
        let record: Option<Vec<u8>> = decode(next()).map_err(store_error(READING))?;
        let stages: (Option<Vec<u8>>, Option<Vec<u8>>) =
            decode(next()).map_err(store_error(READING))?;
        let topics: Option<Vec<u8>> = decode(next()).map_err(store_error(READING))?;
        let post = match record {
            Some(record) => decode_post(id, &record)?,
            None => None,
        };
        let Some(post) = post else { return Ok(None) };

        let stage =
            |record: Option<Vec<u8>>| record.map(|record| decode_stage(&record)).transpose();
        let (followers, public) = (stage(stages.0)?, stage(stages.1)?);
        let author_done_at = [&followers, &public]
            .into_iter()
            .flatten()
            .map(|progress: &StageProgress| progress.author_done_at)
            .next();
        let public = match public {
            Some(progress) => progress.stage,
            None if post.is_listed() || post.revision > 0 => Stage::default(),
            // A post that is not public and never was has nothing to do in the public tier.
            None => Stage {
                state: StageState::Skipped,
                ..Stage::default()
            },
        };
        Ok(Some(Receipt {
            post: id,
            accepted_at: post.received_at,
            author: Stage {
                state: StageState::Done,
                total: 1,
                delivered: 1,
                started_at: Some(post.received_at),
                done_at: Some(author_done_at.unwrap_or(post.accepted_at)),
            },
            followers: followers.map_or_else(Stage::default, |progress| progress.stage),
            public,
            pages: unpack_topics(&topics.unwrap_or_default())?,
        }))
    }

    /// Resolves when the tier is done with the post, whichever process did it.
    pub(super) async fn wait_until_delivered(&self, post: PostId, tier: Tier) {
        let mut commands = Commands::new(post.partition());
        let field = match tier {
            Tier::Followers => "f",
            Tier::Public => "p",
        };
        commands.add("HGET", &Key::Receipt(post), field);
        let mut pause = PAUSE;
        loop {
            // What cannot be read now may be read later: callers set a time limit.
            let stage = self.link.one::<Option<Vec<u8>>>(&commands).await;
            let stage = stage.ok().flatten().map(|record| decode_stage(&record));
            if let Some(Ok(progress)) = stage
                && progress.stage.state == StageState::Done
            {
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}
