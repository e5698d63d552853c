-- Begins a rebuild: from here on the timeline takes every push.
--
-- KEYS: the timeline. ARGV: the user, its header, now.
-- Answers 1 where memory is short, else 0.

local tag, user = string.sub(KEYS[1], 1, 4), ARGV[1]

redis.call('SET', KEYS[1], ARGV[2])
redis.call('SETBIT', tag .. 'warm', home_bit(user), 1)
redis.call('ZADD', tag .. 'read', ARGV[3], user)
return is_memory_short() and 1 or 0
