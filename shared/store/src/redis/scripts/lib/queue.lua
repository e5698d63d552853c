-- The queue of a tier in a partition (needs ids.lua). Its keys begin with a prefix, {NN}qf: for the
-- followers tier and {NN}qp: for the public tier:
--   jobs      HASH id → record of every open job
--   ready     ZSET of those that can be claimed, by their order
--   delayed   ZSET of those that wait for their moment, by it
--   leased    ZSET of those that are claimed, by the end of the lease
--   untried   ZSET of those that have not failed yet, by when they were accepted
--   tried     ZSET of the others, likewise
--   dead, deadjobs   ZSET of the dead letters by id, HASH id → record
--   paused    exists while nothing is to be claimed
-- An open job is in one of ready, delayed and leased, and, unless it is replayed, in one of untried and
-- tried. Ids are written with 16 digits, so that equal scores are in the order of ids.
--
-- A record (job_record.rs): version, attempts, token of the last lease, order, accepted_at, deadline,
-- expires_at, post (0 for none), kind, length of the trace, trace, how far the work has come ('' at its
-- beginning).

local JOB_HEADER = '>BI4c8i8i8i8i8I8c1B'
local NO_TOKEN = string.rep('\0', 8)
-- What a tier promises at worst and how long its work is of use, in milliseconds (tier.rs).
local WORST_CASE_MS = { f = 10000, p = 60000 }
local USEFUL_MS = { f = 86400000, p = 604800000 }
local TIER_OF = { d = 'f', i = 'p' }

-- Enqueues a job that is due `due_ms` after `now`; its id.
local function put_job(tag, tier, kind, post, now, due_ms, trace, rest)
  local queue = tag .. 'q' .. tier .. ':'
  local id = string.format('%016.0f', next_id(tag .. 'jseq', now))
  local deadline = now + due_ms
  local record = struct.pack(JOB_HEADER, 1, 0, NO_TOKEN, deadline, now, deadline,
    now + USEFUL_MS[tier], tonumber(post), kind, #trace) .. trace .. rest
  redis.call('HSET', queue .. 'jobs', id, record)
  redis.call('ZADD', queue .. 'ready', deadline, id)
  if due_ms <= WORST_CASE_MS[tier] then
    redis.call('ZADD', queue .. 'untried', now, id)
  end
  return id
end

-- Enqueues a job of the kind 'd' (Deliver) or 'i' (Index) for a post (its id in decimal), as a commit at
-- `now` (a number) causes it. `trace` is a traceparent, or '' where there is none.
local function enqueue(tag, kind, post, now, trace)
  local tier = TIER_OF[kind]
  put_job(tag, tier, kind, post, now, WORST_CASE_MS[tier], trace, '')
end

local function attempts_of(record)
  return (struct.unpack('>I4', record, 2))
end

local function order_of(record)
  return (struct.unpack('>i8', record, 14))
end

local function accepted_at_of(record)
  return (struct.unpack('>i8', record, 22))
end

-- The time from its acceptance to its deadline.
local function due_ms_of(record)
  local accepted_at, deadline = struct.unpack('>i8i8', record, 22)
  return deadline - accepted_at
end

-- The post of a job, in decimal; '0' for none.
local function post_of(record)
  return decimal((struct.unpack('>I8', record, 46)))
end

-- The key of the open jobs by their age among which this one is; nil for a replayed one. The prefix
-- names the tier in its sixth character.
local function ages_of(queue, record)
  if due_ms_of(record) > WORST_CASE_MS[string.sub(queue, 6, 6)] then
    return nil
  end
  return queue .. (attempts_of(record) == 0 and 'untried' or 'tried')
end

-- Counts a failed attempt of a job.
local function fail_attempt(queue, id, record)
  if attempts_of(record) == 0 and ages_of(queue, record) then
    redis.call('ZREM', queue .. 'untried', id)
    redis.call('ZADD', queue .. 'tried', accepted_at_of(record), id)
  end
  local attempts = struct.pack('>I4', attempts_of(record) + 1)
  redis.call('HSET', queue .. 'jobs', id, string.sub(record, 1, 1) .. attempts .. string.sub(record, 6))
end

-- The record of the job that this lease holds at `now`; nil where the lease has ended. The id has 16
-- digits, the token 8 bytes.
local function check_lease(queue, id, token, now)
  local record = redis.call('HGET', queue .. 'jobs', id)
  if not record or string.sub(record, 6, 13) ~= token then
    return nil
  end
  local until_ms = redis.call('ZSCORE', queue .. 'leased', id)
  if not until_ms or tonumber(until_ms) <= now then
    return nil
  end
  return record
end

-- Takes a job whose lease was checked out of the queue.
local function ack(queue, id, record)
  redis.call('HDEL', queue .. 'jobs', id)
  redis.call('ZREM', queue .. 'leased', id)
  local ages = ages_of(queue, record)
  if ages then
    redis.call('ZREM', ages, id)
  end
end
