"""The fan-out of Python's stream-framework with its Redis storage. `run` starts this.

It speaks as `main.rs` does: ready; `round WAY POSTS`, `memory`. A round with the way `1` is what the
framework does with one Celery worker, `8` with eight, without the costs of Celery's broker.
"""

import datetime
import multiprocessing
import sys
import time

import redis
from celery import current_app
from stream_framework import settings

ENTRIES_MAX = 800
ENTRIES = 790
AUTHOR = 1
WORKERS = 8

followers_count = int(sys.argv[1])
port = int(sys.argv[2])
settings.STREAM_REDIS_CONFIG = {
    "default": {"host": "127.0.0.1", "port": port, "db": 0, "password": None}
}

from stream_framework.activity import Activity  # noqa: E402
from stream_framework.feed_managers.base import FanoutPriority, Manager, add_operation  # noqa: E402
from stream_framework.feeds.redis import RedisFeed  # noqa: E402
from stream_framework.tasks import fanout_operation  # noqa: E402
from stream_framework.utils import chunks  # noqa: E402
from stream_framework.verbs.base import Add  # noqa: E402

FOLLOWERS = list(range(2, followers_count + 2))


class HomeFeed(RedisFeed):
    key_format = "home:%(user_id)s"
    max_length = ENTRIES_MAX


class AuthorFeed(RedisFeed):
    key_format = "author:%(user_id)s"
    max_length = 10**6


class Posts(Manager):
    feed_classes = {"home": HomeFeed}
    user_feed_class = AuthorFeed

    def get_user_follower_ids(self, user_id):
        return {FanoutPriority.HIGH: FOLLOWERS}


manager = Posts()
begun_at = datetime.datetime(2026, 11, 21)


def activity(n):
    return Activity(AUTHOR, Add, n, time=begun_at + datetime.timedelta(seconds=n))


def fill(connection):
    """Full timelines, as the framework writes them but in one command each."""
    pairs = []
    for n in range(1, ENTRIES + 1):
        id = activity(n).serialization_id
        pairs += [id, id]
    for users in chunks(FOLLOWERS, 100):
        pipeline = connection.pipeline(transaction=False)
        for user in users:
            pipeline.execute_command("ZADD", HomeFeed(user).key, *pairs)
        pipeline.execute()


def push_chunk(task):
    n, users = task
    operation = dict(activities=[activity(n)], trim=True)
    fanout_operation(manager, HomeFeed, users, add_operation, operation)


def push(way, n, pool):
    if way == "1":
        # Celery does the tasks at once, in this process.
        manager.add_user_activity(AUTHOR, activity(n))
        return
    HomeFeed.insert_activity(activity(n))
    AuthorFeed(AUTHOR).add(activity(n))
    tasks = [(n, users) for users in chunks(FOLLOWERS, manager.fanout_chunk_size)]
    pool.map(push_chunk, tasks, chunksize=1)


def main():
    current_app.conf.task_always_eager = True
    # The tasks carry objects: before Celery 4, for which the framework was written, this was the default.
    current_app.conf.task_serializer = "pickle"
    pool = multiprocessing.Pool(WORKERS)
    connection = redis.StrictRedis(port=port)
    bytes_before = connection.info("memory")["used_memory"]
    fill(connection)
    next_post = ENTRIES
    print("ready", flush=True)
    for line in sys.stdin:
        match line.split():
            case ["round", way, posts]:
                begun = time.monotonic()
                for _ in range(int(posts)):
                    next_post += 1
                    push(way, next_post, pool)
                seconds = time.monotonic() - begun
                print(int(posts) * followers_count, seconds, flush=True)
            case ["memory"]:
                used = connection.info("memory")["used_memory"] - bytes_before
                print(used, followers_count * ENTRIES_MAX, flush=True)
    pool.terminate()
    pool.join()


main()
