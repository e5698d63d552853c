//! One command for each of many items, in the partitions of the items.

use redis::Value;
use ripple_domain::Partition;

use super::{
    RedisStore,
    error::store_error,
    link::{Commands, by_partition},
};
use crate::StoreError;

/// A command for each item, by partition, and where each answer belongs.
struct Spread {
    all: Vec<Commands>,
    /// The items in the order in which their commands stand.
    order: Vec<usize>,
}

impl Spread {
    fn new<T>(
        items: &[T],
        partition: impl Fn(&T) -> Partition,
        add: impl Fn(&mut Commands, &T),
    ) -> Self {
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_key(|index| partition(&items[*index]));
        let sorted = order.iter().map(|index| {
            let item = &items[*index];
            (partition(item), item)
        });
        let all = by_partition(sorted, |commands, item| {
            let before = commands.len();
            add(commands, item);
            debug_assert_eq!(commands.len(), before + 1, "one command each");
        });
        Self { all, order }
    }

    /// The answers in the order of the items.
    fn in_order(&self, answers: Vec<Vec<Value>>) -> Vec<Value> {
        let mut in_order = vec![Value::Nil; self.order.len()];
        for (index, answer) in self.order.iter().zip(answers.into_iter().flatten()) {
            in_order[*index] = answer;
        }
        in_order
    }
}

impl RedisStore {
    /// Sends the command that `add` makes of each item; the answers in the order of the items.
    pub(super) async fn read_each<T>(
        &self,
        what: &'static str,
        items: &[T],
        partition: impl Fn(&T) -> Partition,
        add: impl Fn(&mut Commands, &T),
    ) -> Result<Vec<Value>, StoreError> {
        let spread = Spread::new(items, partition, add);
        let answers = self.link.send_all(&spread.all).await;
        Ok(spread.in_order(answers.map_err(store_error(what))?))
    }

    /// [`RedisStore::read_each`] for commands that change facts, each harmless when it is repeated.
    pub(super) async fn commit_each<T>(
        &self,
        what: &'static str,
        items: &[T],
        partition: impl Fn(&T) -> Partition,
        add: impl Fn(&mut Commands, &T),
    ) -> Result<Vec<Value>, StoreError> {
        let spread = Spread::new(items, partition, add);
        let answers = self.commit_all(what, &spread.all).await?;
        Ok(spread.in_order(answers))
    }
}
