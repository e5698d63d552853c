//! A list of users for each user, kept in two pieces of memory.

/// A list of users for each user, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Lists {
    /// Where each list begins, and where the last one ends.
    starts: Vec<u32>,
    values: Vec<u32>,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "there are fewer than 4 billion users and follows: a power law's are bounded, a file's counted"
)]
impl Lists {
    pub(super) fn from_rows(rows: Vec<Vec<u32>>) -> Self {
        let mut starts = Vec::with_capacity(rows.len() + 1);
        let mut values = Vec::with_capacity(rows.iter().map(Vec::len).sum());
        starts.push(0);
        for row in rows {
            values.extend(row);
            starts.push(values.len() as u32);
        }
        Self { starts, values }
    }

    /// From pairs of list and value, in order.
    pub(super) fn from_sorted(lists: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0; lists + 1];
        for (list, _) in pairs {
            starts[*list as usize + 1] += 1;
        }
        add_up(&mut starts);
        Self {
            starts,
            values: pairs.iter().map(|(_, value)| *value).collect(),
        }
    }

    /// How many users are in all lists together.
    pub(super) fn entries(&self) -> u64 {
        self.values.len() as u64
    }

    /// How many lists there are.
    pub(super) fn len(&self) -> u32 {
        self.starts.len() as u32 - 1
    }

    pub(super) fn row(&self, list: u32) -> &[u32] {
        let list = list as usize;
        &self.values[self.starts[list] as usize..self.starts[list + 1] as usize]
    }

    /// The lists the other way round: by value, in which lists it is.
    pub(super) fn transposed(&self) -> Self {
        let mut starts = vec![0; self.starts.len()];
        for value in &self.values {
            starts[*value as usize + 1] += 1;
        }
        add_up(&mut starts);
        let mut next = starts.clone();
        let mut values = vec![0; self.values.len()];
        for list in 0..self.len() {
            for value in self.row(list) {
                let place = &mut next[*value as usize];
                values[*place as usize] = list;
                *place += 1;
            }
        }
        Self { starts, values }
    }
}

fn add_up(counts: &mut [u32]) {
    let mut sum = 0;
    for count in counts {
        sum += *count;
        *count = sum;
    }
}
