//! The embedded store: facts, jobs and indexes in `fjall`, home timelines in memory.
