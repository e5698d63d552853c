-- Claims the first jobs of a tier in a partition.
--
-- KEYS: the tier's jobs. ARGV: now, when the leases end, how many jobs at most (up to 1,000), the last
-- order to be claimed or '+inf', the token of the leases.
-- Answers how the queue stands then (see `heads` in lib/due.lua), followed by the records of the jobs,
-- each after its id. An answer that is lost leaves leases that run out.

local queue = string.sub(KEYS[1], 1, 7)
local until_ms, jobs_max, last, token = ARGV[2], ARGV[3], ARGV[4], ARGV[5]

wake(queue, tonumber(ARGV[1]))
if redis.call('EXISTS', queue .. 'paused') == 1 then
  return PAUSED
end
local ids = redis.call('ZRANGE', queue .. 'ready', '-inf', last, 'BYSCORE', 'LIMIT', 0, jobs_max)
local claimed = {}
if #ids > 0 then
  local records = redis.call('HMGET', queue .. 'jobs', unpack(ids))
  local jobs, leases = {}, {}
  for index, id in ipairs(ids) do
    local record = records[index]
    if record then
      record = string.sub(record, 1, 5) .. token .. string.sub(record, 14)
      jobs[#jobs + 1], jobs[#jobs + 2] = id, record
      leases[#leases + 1], leases[#leases + 2] = until_ms, id
    end
  end
  redis.call('ZREM', queue .. 'ready', unpack(ids))
  if #jobs > 0 then
    redis.call('HSET', queue .. 'jobs', unpack(jobs))
    redis.call('ZADD', queue .. 'leased', unpack(leases))
  end
  claimed = jobs
end
local answer = heads(queue)
for _, part in ipairs(claimed) do
  answer[#answer + 1] = part
end
return answer
