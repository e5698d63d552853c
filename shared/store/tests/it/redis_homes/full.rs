//! Where memory is full, pages are read nevertheless, and nothing falls between.

use ripple_domain::{PostId, UserId, Window};
use ripple_store::{
    Home, PostCommit, StoreError,
    reading::{Page, read_page},
};

use super::{clock, is_warm, open, push, star, warm_up};
use crate::harness::{Program, RedisServer, new_post, set_max_memory};

#[tokio::test]
async fn pages_are_read_where_memory_is_full() {
    let server = RedisServer::start(Program::Redis);
    let mut connection = server.connect();
    let store = open(&server.url(), &clock()).await;
    let author = star(&store, 2).await;
    let commit = PostCommit {
        post: new_post(author, "hello"),
        idempotency: None,
        trace: None,
    };
    let post = store.create_post(commit).await.unwrap().value.id;
    let (ada, bob) = (UserId(2), UserId(3));
    assert!(warm_up(&store, ada).await);
    let warming = store.home_begin(bob).await.unwrap();
    let page = async |reader| -> Vec<PostId> {
        let page = read_page(
            store.as_ref(),
            Some(reader),
            &Page::Home,
            Window::NEWEST,
            10,
        )
        .await;
        let shown = page.unwrap().shown;
        shown.into_iter().map(|shown| shown.post.id).collect()
    };

    set_max_memory(&mut connection, 1);
    assert!(
        !store.home_finish(warming, &[post], true).await.unwrap(),
        "there is no room for it"
    );
    assert_eq!(store.home(bob).await.unwrap(), Home::Cold);
    assert_eq!(page(bob).await, [post], "from the facts");
    let refused = push(&store, author, post).await;
    assert!(
        matches!(refused, Ok(_) | Err(StoreError::Overloaded { .. })),
        "{refused:?}"
    );
    // Whoever could not be pushed to has no timeline any more.
    let pushed = push(&store, author, post).await.unwrap();
    assert_eq!((pushed.followers, pushed.pushed), (2, 0));
    for reader in [ada, bob] {
        assert_eq!(page(reader).await, [post]);
    }

    set_max_memory(&mut connection, 0);
    for reader in [ada, bob] {
        assert_eq!(page(reader).await, [post]);
        assert!(is_warm(&store, reader).await);
    }
}
