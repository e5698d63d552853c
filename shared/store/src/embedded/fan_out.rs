//! The fan-out engine: carries a batch of posts to the home timelines of their authors' followers.
