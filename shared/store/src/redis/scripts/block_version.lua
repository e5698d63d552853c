-- KEYS: whom a user blocks. ARGV: the user, the other.
-- Answers with the version of the block, as set_relation.lua does.

local number = redis.call('HGET', string.sub(KEYS[1], 1, 4) .. 'u:' .. ARGV[1], 'bv') or 0
return tonumber(number) * 2 + redis.call('SISMEMBER', KEYS[1], ARGV[2])
