-- Lengthens leases of a tier in a partition.
--
-- KEYS: the tier's jobs. ARGV: now, when they are to end, then for each the job's id and its token.
-- Answers for each 1, or 0 where it has ended.

local queue = string.sub(KEYS[1], 1, 7)
local now, until_ms = tonumber(ARGV[1]), ARGV[2]
local answer = {}
for at = 3, #ARGV, 2 do
  local holds = check_lease(queue, ARGV[at], ARGV[at + 1], now)
  if holds then
    redis.call('ZADD', queue .. 'leased', until_ms, ARGV[at])
  end
  answer[#answer + 1] = holds and 1 or 0
end
return answer
