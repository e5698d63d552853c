//! Commands for many items, in the partitions of the items: one for each, or one for many.

use redis::{FromRedisValue, Value};
use ripple_domain::{PARTITIONS, Partition};

use super::{
    RedisStore,
    error::{is_full, store_error},
    link::{Commands, by_partition, decode},
};
use crate::StoreError;

/// Items that share a command: a script that does much holds everybody else up.
const TOGETHER_MAX: usize = 500;

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

    /// [`RedisStore::read_each`] for commands that change facts, each harmless when it is repeated. Where
    /// memory is full and room can be made, they wait for it.
    pub(super) async fn commit_each<T>(
        &self,
        what: &'static str,
        items: &[T],
        partition: impl Fn(&T) -> Partition,
        add: impl Fn(&mut Commands, &T),
    ) -> Result<Vec<Value>, StoreError> {
        let spread = Spread::new(items, &partition, &add);
        let answers = self.commit_all(what, &spread.all).await?;
        let mut answers = spread.in_order(answers);
        if self.finds_room_for(&answers).await {
            let refused = |index: &usize| is_full(&answers[*index]);
            let refused: Vec<usize> = (0..answers.len()).filter(refused).collect();
            let spread = Spread::new(
                &refused,
                |index| partition(&items[*index]),
                |commands, index| add(commands, &items[*index]),
            );
            let again = self.commit_all(what, &spread.all).await?;
            for (index, answer) in refused.into_iter().zip(spread.in_order(again)) {
                answers[index] = answer;
            }
        }
        Ok(answers)
    }

    /// Sends commands that `add` makes of many items each, and that answer for each of these; the answers
    /// in the order of the items.
    pub(super) async fn read_together<T, A: FromRedisValue>(
        &self,
        what: &'static str,
        items: &[T],
        partition: impl Fn(&T) -> Partition,
        add: impl Fn(&mut Commands, &[&T]),
    ) -> Result<Vec<A>, StoreError> {
        let parts = Part::all(items, partition);
        let add = |commands: &mut Commands, part: &Part<'_, T>| add(commands, &part.items);
        let answers = self.read_each(what, &parts, |part| part.partition, add);
        in_order(what, &parts, answers.await?)
    }

    /// [`RedisStore::read_together`] for commands that change facts, each harmless when it is repeated.
    pub(super) async fn commit_together<T, A: FromRedisValue>(
        &self,
        what: &'static str,
        items: &[T],
        partition: impl Fn(&T) -> Partition,
        add: impl Fn(&mut Commands, &[&T]),
    ) -> Result<Vec<A>, StoreError> {
        let parts = Part::all(items, partition);
        let add = |commands: &mut Commands, part: &Part<'_, T>| add(commands, &part.items);
        let answers = self.commit_each(what, &parts, |part| part.partition, add);
        in_order(what, &parts, answers.await?)
    }
}

/// Some items of one partition.
struct Part<'a, T> {
    partition: Partition,
    items: Vec<&'a T>,
    /// Where they stand among all.
    places: Vec<usize>,
}

impl<'a, T> Part<'a, T> {
    fn all(items: &'a [T], partition: impl Fn(&T) -> Partition) -> Vec<Self> {
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); usize::from(PARTITIONS)];
        for (place, item) in items.iter().enumerate() {
            places[usize::from(partition(item))].push(place);
        }
        let mut all = Vec::new();
        for (partition, places) in (0..PARTITIONS).zip(places) {
            all.extend(places.chunks(TOGETHER_MAX).map(|places| Self {
                partition,
                items: places.iter().map(|place| &items[*place]).collect(),
                places: places.to_vec(),
            }));
        }
        all
    }
}

/// The answers for the items of the parts, in the order of the items.
fn in_order<T, A: FromRedisValue>(
    what: &'static str,
    parts: &[Part<'_, T>],
    answers: Vec<Value>,
) -> Result<Vec<A>, StoreError> {
    let mut all = Vec::new();
    for (part, answer) in parts.iter().zip(answers) {
        let answers: Vec<A> = decode(answer).map_err(store_error(what))?;
        if answers.len() != part.places.len() {
            return Err(StoreError::Corrupt {
                what: "script's answer",
            });
        }
        all.extend(part.places.iter().copied().zip(answers));
    }
    all.sort_unstable_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, answer)| answer).collect())
}
