-- Makes timelines cold.
--
-- KEYS: when each timeline of the partition was last read. ARGV: the users; or '' and the last moment at
-- which those may have been read that are to become cold, and how many at most.
-- Answers how many there were.

local tag = string.sub(KEYS[1], 1, 4)
local users = ARGV
if ARGV[1] == '' then
  users = redis.call('ZRANGE', KEYS[1], '-inf', ARGV[2], 'BYSCORE', 'LIMIT', 0, tonumber(ARGV[3]))
end
for _, user in ipairs(users) do
  cool(tag, user)
end
return #users
