-- The post log of a partition: for each day a string of 8-byte ids in their order, and a sorted set of
-- those that came out of their order (imported posts).

local IDS_OF_A_DAY = 4096 * 86400000

-- Enters a new post.
local function log_post(tag, id)
  local day = string.format('%.0f', math.floor(id / IDS_OF_A_DAY))
  local key = tag .. 'log:' .. day
  local length = redis.call('STRLEN', key)
  local last = -1
  if length == 0 then
    redis.call('ZADD', tag .. 'days', day, day)
  else
    last = struct.unpack('>I8', redis.call('GETRANGE', key, length - 8, -1))
  end
  if id > last then
    redis.call('APPEND', key, struct.pack('>I8', id))
  else
    redis.call('ZADD', tag .. 'lox:' .. day, decimal(id), decimal(id))
  end
end
