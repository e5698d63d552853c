-- Keeps a feed document and the name of its topic.
--
-- KEYS: the documents of the topic, the names of the partition's topics that have some. ARGV: the name, the
-- document's name among those of its topic, the document, for how many seconds they are kept.

redis.call('SADD', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 'OK'
