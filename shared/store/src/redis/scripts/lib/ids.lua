-- Ids: 41 bits of milliseconds since the year 2000, 6 of the partition, 6 of sequence. They have 53 bits
-- and so are exact as numbers here; written out they need '%.0f'.

local EPOCH_MS = 946684800000
local MS_MAX = 2199023255551

local function decimal(id)
  return string.format('%.0f', id)
end

-- The first id of a moment in the partition of `tag`; nil where the moment is out of range.
local function first_id(tag, ms)
  local since = ms - EPOCH_MS
  if since < 0 or since > MS_MAX then
    return nil
  end
  return since * 4096 + tonumber(string.sub(tag, 2, 3)) * 64
end

-- The id that follows in the same partition; nil past the last millisecond.
local function successor(id)
  if id % 64 < 63 then
    return id + 1
  end
  local next_ms = id - 63 + 4096
  if next_ms > 9007199254740991 then
    return nil
  end
  return next_ms
end

-- Makes an id in the sequence `key`, which holds the last one: the first of this moment, or the one
-- after the last where the clock stands still, was set back or has run out of ids. nil past the last
-- millisecond, and then nothing is written.
local function next_id(key, now_ms)
  local tag = string.sub(key, 1, 4)
  local last = tonumber(redis.call('GET', key) or tonumber(string.sub(tag, 2, 3)) * 64 + 63)
  local id = first_id(tag, now_ms)
  if not id or id <= last then
    id = successor(last)
  end
  if id then
    redis.call('SET', key, decimal(id))
  end
  return id
end
