-- How the queues of both tiers stand in a partition.
--
-- KEYS: the jobs of a tier. ARGV: now.
-- Answers for the followers tier, then for the public one: jobs that can be claimed, that wait for their
-- moment, that are claimed, that are dead; those of commits; when the oldest of these was accepted, and
-- the oldest of those that have not failed ('' for none); 1 where the tier is paused.

local tag, now = string.sub(KEYS[1], 1, 4), ARGV[1]

local function first(key)
  return redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
end

local answer = {}
for _, tier in ipairs({ 'f', 'p' }) do
  local queue = tag .. 'q' .. tier .. ':'
  if redis.call('EXISTS', queue .. 'jobs', queue .. 'dead', queue .. 'paused') == 0 then
    for _, figure in ipairs({ 0, 0, 0, 0, 0, '', '', 0 }) do
      answer[#answer + 1] = figure
    end
  else
    local delayed = redis.call('ZCARD', queue .. 'delayed')
    local leased = redis.call('ZCARD', queue .. 'leased')
    -- Whoever claims next finds these ready.
    local due = redis.call('ZCOUNT', queue .. 'delayed', '-inf', now)
    local ended = redis.call('ZCOUNT', queue .. 'leased', '-inf', now)
    local untried, tried = first(queue .. 'untried'), first(queue .. 'tried')
    local oldest = untried or tried
    if untried and tried and tonumber(tried) < tonumber(untried) then
      oldest = tried
    end
    local figures = {
      redis.call('ZCARD', queue .. 'ready') + due + ended,
      delayed - due,
      leased - ended,
      redis.call('ZCARD', queue .. 'dead'),
      redis.call('ZCARD', queue .. 'untried') + redis.call('ZCARD', queue .. 'tried'),
      oldest or '',
      untried or '',
      redis.call('EXISTS', queue .. 'paused'),
    }
    for _, figure in ipairs(figures) do
      answer[#answer + 1] = figure
    end
  end
end
return answer
