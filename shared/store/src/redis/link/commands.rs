//! Commands, by partition, and what is answered to them.

use redis::{Cmd, FromRedisValue, Pipeline, RedisResult, ToRedisArgs, Value};
use ripple_domain::Partition;

use crate::redis::{
    key::{KEY_BYTES, Key, partitions},
    script::Script,
};

/// Commands of one message of a bulk: more gain nothing.
const BULK_MESSAGE_MAX: usize = 1_000;

/// Commands for one partition, answered one by one. One that fails does not stop those after it.
pub(in crate::redis) struct Commands {
    pub(in crate::redis) partition: Partition,
    /// They are for any partitions after all, of a single server.
    crosses: bool,
    pipeline: Pipeline,
}

impl Commands {
    pub(in crate::redis) fn new(partition: Partition) -> Self {
        Self {
            partition,
            crosses: false,
            pipeline: Pipeline::new(),
        }
    }

    /// None yet, for any partitions of a single server.
    pub(in crate::redis) fn across() -> Self {
        Self {
            crosses: true,
            ..Self::new(0)
        }
    }

    /// How many there are.
    pub(in crate::redis) fn len(&self) -> usize {
        self.pipeline.len()
    }

    pub(in crate::redis) fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Adds `name key args…`.
    pub(in crate::redis) fn add(
        &mut self,
        name: &str,
        key: &Key<'_>,
        args: impl ToRedisArgs,
    ) -> &mut Self {
        debug_assert!(self.takes(key), "{name} {key:?}");
        let arguments = 2 + args.num_of_args();
        let mut command = Cmd::with_capacity(arguments, arguments * KEY_BYTES);
        command.arg(name).arg(key.name()).arg(args);
        self.command(command)
    }

    /// Adds a command that was made elsewhere; its keys are in this partition.
    pub(in crate::redis) fn command(&mut self, command: Cmd) -> &mut Self {
        self.pipeline.add_command(command);
        self
    }

    /// Adds a script. Scripts may make the names of further keys of the partition from their arguments.
    pub(in crate::redis) fn script(
        &mut self,
        script: Script,
        keys: &[Key<'_>],
        args: impl ToRedisArgs,
    ) -> &mut Self {
        debug_assert!(keys.iter().all(|key| self.takes(key)));
        let command = self.pipeline.cmd("EVALSHA").arg(script.hash());
        command.arg(keys.len());
        for key in keys {
            command.arg(key.name());
        }
        command.arg(args);
        self
    }

    fn takes(&self, key: &Key<'_>) -> bool {
        self.crosses || key.partition() == self.partition
    }
}

/// Many commands for many partitions, in large messages: to a cluster each for one partition, to a
/// single server filled as they come.
pub(in crate::redis) struct Bulk {
    crosses: bool,
    messages: Vec<Commands>,
}

impl Bulk {
    /// An empty one; to a single server, its messages are for any partitions.
    pub(super) fn new(is_single: bool) -> Self {
        Self {
            crosses: is_single,
            messages: Vec::new(),
        }
    }

    /// Where to add the next command, which is for this partition. Those of one partition come one
    /// after another.
    pub(in crate::redis) fn to(&mut self, partition: Partition) -> &mut Commands {
        let crosses = self.crosses;
        let has_place = |last: &Commands| {
            last.len() < BULK_MESSAGE_MAX && (crosses || last.partition == partition)
        };
        if !self.messages.last().is_some_and(has_place) {
            self.messages.push(Commands {
                crosses,
                ..Commands::new(partition)
            });
        }
        let last = self.messages.len() - 1;
        &mut self.messages[last]
    }

    /// The messages.
    pub(in crate::redis) fn messages(&self) -> &[Commands] {
        &self.messages
    }
}

/// Decodes an answer; the server's error where it is one.
pub(in crate::redis) fn decode<T: FromRedisValue>(answer: Value) -> RedisResult<T> {
    Ok(T::from_redis_value(answer.extract_error()?)?)
}

/// Commands by partition: `add` is called for each item with those of its partition.
pub(in crate::redis) fn by_partition<T>(
    items: impl IntoIterator<Item = (Partition, T)>,
    mut add: impl FnMut(&mut Commands, T),
) -> Vec<Commands> {
    let mut all: Vec<Option<Commands>> = partitions().map(|_| None).collect();
    for (partition, item) in items {
        let commands = all[usize::from(partition)].get_or_insert_with(|| Commands::new(partition));
        add(commands, item);
    }
    all.into_iter().flatten().collect()
}

pub(in crate::redis) fn is_unknown_script(answer: &Value) -> bool {
    matches!(answer, Value::ServerError(error) if error.code() == "NOSCRIPT")
}

/// Whether a server says that it is no master any more.
pub(in crate::redis) fn is_of_demoted(answer: &Value) -> bool {
    const CODES: [&str; 2] = ["MASTERDOWN", "READONLY"];
    matches!(answer, Value::ServerError(error) if CODES.contains(&error.code()))
}
