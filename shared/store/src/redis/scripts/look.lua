-- How the queue of a tier stands in a partition: see `heads` in lib/due.lua.
--
-- KEYS: the tier's jobs. ARGV: now.

local queue = string.sub(KEYS[1], 1, 7)
wake(queue, tonumber(ARGV[1]))
if redis.call('EXISTS', queue .. 'paused') == 1 then
  return PAUSED
end
return heads(queue)
