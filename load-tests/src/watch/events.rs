//! Server-sent events.

/// The posts in a stream of server-sent events, as far as they are told by `event` and `id`.
#[derive(Debug, Default)]
pub(super) struct Events {
    rest: Vec<u8>,
    id: Option<u64>,
    is_post: bool,
}

impl Events {
    /// The posts that are complete with these bytes.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Vec<u64> {
        self.rest.extend_from_slice(bytes);
        let mut posts = Vec::new();
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return posts;
        };
        let rest = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, rest);
        for line in String::from_utf8_lossy(&lines).lines() {
            if line.is_empty() {
                posts.extend(self.id.take().filter(|_| self.is_post));
                self.is_post = false;
            } else if let Some(id) = line.strip_prefix("id:") {
                self.id = id.trim().parse().ok();
            } else if let Some(event) = line.strip_prefix("event:") {
                self.is_post = event.trim() == "post";
            }
        }
        posts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_found_however_the_stream_is_cut() {
        let stream = b": hello\n\nid: 7\nevent: post\ndata: {\"text\":\"a\"}\n\n\
                       event: delete\nid: 8\ndata: {}\n\nevent: post\nid: 9\ndata: {}\n\n";
        for cut in 1..stream.len() {
            let mut events = Events::default();
            let mut posts = events.feed(&stream[..cut]);
            posts.extend(events.feed(&stream[cut..]));
            assert_eq!(posts, [7, 9], "{cut}");
        }
    }
}
