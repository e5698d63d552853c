-- Begins a new epoch of a follower, so that what has entered him in a list before and has not committed
-- must begin anew.
--
-- KEYS: the epochs of his partition, whom he follows. ARGV: the place of his epoch, the other.
-- Answers 1 if he follows him; 0 if not.

redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
return redis.call('SISMEMBER', KEYS[2], ARGV[2])
