-- What time alone brings about in a queue (needs queue.lua), and how the queue stands then.

-- Jobs that are moved in one call; the others follow with the next.
local MOVED_MAX = 1000
-- Jobs that are due within so many milliseconds of each other count as equally urgent.
local NEAR_MS = 100

-- Makes claimable whose moment has come and whose lease has run out; the latter has cost an attempt.
local function wake(queue, now)
  local due = redis.call('ZRANGE', queue .. 'delayed', '-inf', now, 'BYSCORE', 'LIMIT', 0, MOVED_MAX)
  for _, id in ipairs(due) do
    local record = redis.call('HGET', queue .. 'jobs', id)
    redis.call('ZREM', queue .. 'delayed', id)
    if record then
      redis.call('ZADD', queue .. 'ready', order_of(record), id)
    end
  end
  local ended = redis.call('ZRANGE', queue .. 'leased', '-inf', now, 'BYSCORE', 'LIMIT', 0, MOVED_MAX)
  for _, id in ipairs(ended) do
    local record = redis.call('HGET', queue .. 'jobs', id)
    redis.call('ZREM', queue .. 'leased', id)
    if record then
      fail_attempt(queue, id, record)
      redis.call('ZADD', queue .. 'ready', order_of(record), id)
    end
  end
end

-- How many of the first jobs are equally urgent, the order of the first ('' where there is none), and
-- when time brings the next one about ('' where it does not).
local function heads(queue)
  local first = redis.call('ZRANGE', queue .. 'ready', 0, 0, 'WITHSCORES')[2]
  local near = 0
  if first then
    near = redis.call('ZCOUNT', queue .. 'ready', '-inf', tonumber(first) + NEAR_MS)
  end
  local delayed = redis.call('ZRANGE', queue .. 'delayed', 0, 0, 'WITHSCORES')[2]
  local leased = redis.call('ZRANGE', queue .. 'leased', 0, 0, 'WITHSCORES')[2]
  local due = delayed or leased
  if delayed and leased and tonumber(leased) < tonumber(delayed) then
    due = leased
  end
  return { near, first or '', due or '' }
end

-- The same of a queue that is paused: nothing, until somebody resumes it.
local PAUSED = { 0, '', '' }
