-- Notes a block, or its end, with him whom it hits. News that is older than what is known changes nothing.
--
-- KEYS: by whom he is blocked. ARGV: he, who blocks him, the block's version.

local known = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or 0)
if tonumber(ARGV[3]) > known then
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
  cool(string.sub(KEYS[1], 1, 4), ARGV[1])
end
return 'OK'
