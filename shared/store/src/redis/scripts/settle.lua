-- Settles claimed jobs of a tier in a partition, each by itself.
--
-- KEYS: the tier's jobs. ARGV: now, then for each job its id, the token of its lease, its fate, what
-- belongs to that, and the new stage of its post or ''. The fates:
--   'a'  done
--   'c'  a part is done: the post (8 bytes) and kind of the rest, and how far it has come
--   'r'  failed: when it is tried again
--   'p'  postponed: when it is tried again
--   'd'  given up: why
--   'f'  given back
-- Answers for each when the job was accepted, or false where the lease had ended: then nothing of the
-- settlement has happened. Whoever sends it again because the answer was lost finds the lease used up.

local tag, tier, queue = string.sub(KEYS[1], 1, 4), string.sub(KEYS[1], 6, 6), string.sub(KEYS[1], 1, 7)
local now = tonumber(ARGV[1])

local fates = {}

-- Takes a job from those that are claimed.
local function end_lease(id)
  redis.call('ZREM', queue .. 'leased', id)
end

function fates.c(id, record, rest)
  local order = math.max(order_of(record), now + due_ms_of(record))
  local trace = string.sub(record, 55, 55 + string.byte(record, 55))
  record = string.sub(record, 1, 13) .. struct.pack('>i8', order) .. string.sub(record, 22, 45)
    .. string.sub(rest, 1, 9) .. trace .. string.sub(rest, 10)
  redis.call('HSET', queue .. 'jobs', id, record)
  end_lease(id)
  redis.call('ZADD', queue .. 'ready', order, id)
end

function fates.r(id, record, at)
  fail_attempt(queue, id, record)
  end_lease(id)
  redis.call('ZADD', queue .. 'delayed', at, id)
end

function fates.p(id, record, at)
  end_lease(id)
  redis.call('ZADD', queue .. 'delayed', at, id)
end

function fates.d(id, record, why)
  local post = post_of(record)
  if post ~= '0' then
    bury_stage(tag, post, tier, string.sub(record, 22, 29))
  end
  redis.call('ZADD', queue .. 'dead', tonumber(id), id)
  redis.call('HSET', queue .. 'deadjobs', id, struct.pack('>i8I4', now, #record) .. record .. why)
  ack(queue, id, record)
end

function fates.f(id, record)
  end_lease(id)
  redis.call('ZADD', queue .. 'ready', order_of(record), id)
end

local ids = {}
for at = 2, #ARGV, 5 do
  ids[#ids + 1] = ARGV[at]
end
local records = redis.call('HMGET', queue .. 'jobs', unpack(ids))
local ends = redis.call('ZMSCORE', queue .. 'leased', unpack(ids))

-- Those that are done leave together: that is most of them.
local done, done_of = {}, {}
local used, answer = {}, {}
for index, id in ipairs(ids) do
  local record, ends_at = records[index], ends[index]
  local at = 5 * index - 3
  local holds = record and ends_at and not used[id]
    and string.sub(record, 6, 13) == ARGV[at + 1] and tonumber(ends_at) > now
  answer[index] = false
  if holds then
    used[id] = true
    answer[index] = accepted_at_of(record)
    local fate, stage = ARGV[at + 2], ARGV[at + 4]
    if stage ~= '' then
      local post = post_of(record)
      if post ~= '0' then
        write_stage(tag, post, tier, stage)
      end
    end
    if fate == 'a' then
      done[#done + 1] = id
      local ages = ages_of(queue, record)
      if ages then
        done_of[ages] = done_of[ages] or {}
        table.insert(done_of[ages], id)
      end
    else
      fates[fate](id, record, ARGV[at + 3])
    end
  end
end
if #done > 0 then
  redis.call('HDEL', queue .. 'jobs', unpack(done))
  redis.call('ZREM', queue .. 'leased', unpack(done))
  for ages, of_age in pairs(done_of) do
    redis.call('ZREM', ages, unpack(of_age))
  end
end
return answer
