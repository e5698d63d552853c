-- Takes user ids: first those that were given back, so that ids stay dense.
--
-- KEYS: the last id that was given. ARGV: how many.
-- Answers with the ids; with fewer where there are no more.

local USER_ID_MAX = 4294967295

local wanted = tonumber(ARGV[1])
local ids = redis.call('SPOP', string.sub(KEYS[1], 1, 4) .. 'free_ids', wanted)
local last = tonumber(redis.call('GET', KEYS[1]) or 0)
local new = math.min(wanted - #ids, USER_ID_MAX - last)
if new > 0 then
  redis.call('INCRBY', KEYS[1], new)
end
for id = last + 1, last + new do
  ids[#ids + 1] = string.format('%.0f', id)
end
return ids
