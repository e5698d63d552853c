-- Takes dead letters of a tier out of a partition, and puts them back into the queue as replayed jobs.
--
-- KEYS: the tier's dead letters by id. ARGV: now, nonce, the first and the last id to be taken, how many
-- at most (up to 1,000), '1' where they go back or '0' where they are forgotten.
-- Answers how many there were.

local tag, tier, queue = string.sub(KEYS[1], 1, 4), string.sub(KEYS[1], 6, 6), string.sub(KEYS[1], 1, 7)
local now, nonce, goes_back = tonumber(ARGV[1]), ARGV[2], ARGV[6] == '1'

local answer = answer_to(tag, nonce)
if answer then
  return tonumber(answer)
end
local ids = redis.call('ZRANGE', KEYS[1], ARGV[3], ARGV[4], 'BYSCORE', 'LIMIT', 0, ARGV[5])
if goes_back then
  for _, id in ipairs(ids) do
    local dead = redis.call('HGET', queue .. 'deadjobs', id)
    if dead then
      local bytes = struct.unpack('>I4', dead, 9)
      local record = string.sub(dead, 13, 12 + bytes)
      local kind, trace_bytes = string.sub(record, 54, 54), string.byte(record, 55)
      -- A fan-out begins anew: followers may have come before the place where it broke off. What a
      -- replay has sent, it has sent, and its rest comes behind that.
      local rest, due_ms = '', USEFUL_MS[tier]
      if kind == 'r' then
        rest, due_ms = string.sub(record, 56 + trace_bytes), due_ms + 1
      end
      put_job(tag, tier, kind, post_of(record), now, due_ms, string.sub(record, 56, 55 + trace_bytes),
        rest)
    end
  end
end
if #ids > 0 then
  redis.call('ZREM', KEYS[1], unpack(ids))
  redis.call('HDEL', queue .. 'deadjobs', unpack(ids))
  keep_answer(tag, nonce, tostring(#ids))
end
return #ids
