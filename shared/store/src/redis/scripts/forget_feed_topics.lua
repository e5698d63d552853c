-- Forgets the names of topics that have no feed documents any more. In one step with the look: somebody
-- may be about to keep one.
--
-- KEYS: the names of the partition's topics that have feed documents. ARGV: names.
-- Answers how many were forgotten.

local feeds = string.sub(KEYS[1], 1, 4) .. 'fe:'
local forgotten = 0
for _, name in ipairs(ARGV) do
  if redis.call('EXISTS', feeds .. name) == 0 then
    forgotten = forgotten + redis.call('SREM', KEYS[1], name)
  end
end
return forgotten
