-- Reserves an idempotency key for a proposed user.
--
-- KEYS: the idempotency key. ARGV: what it held and may be replaced ('' for nothing), what it is to hold,
-- for how many milliseconds.
-- Answers 1; 0 when it holds something else.

local kept = redis.call('GET', KEYS[1])
if kept and kept ~= ARGV[1] and kept ~= ARGV[2] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
