-- Begins a new epoch of a follower, so that what has entered him in a list before and has not committed
-- must begin anew.
--
-- KEYS: whom he follows. ARGV: the follower, the other.
-- Answers 1 if he follows him; 0 if not.

redis.call('HINCRBY', string.sub(KEYS[1], 1, 4) .. 'u:' .. ARGV[1], 'e', 1)
return redis.call('SISMEMBER', KEYS[1], ARGV[2])
