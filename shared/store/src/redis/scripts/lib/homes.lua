-- Home timelines: a header of 18 bytes ('H', 'w' while it warms or 'W' when it is warm, the token of its
-- rebuild, its floor or 0), then ids of 8 bytes in the order of their arrival. What has no such header
-- is the remains of pushes to a timeline that had just become cold.
--
-- Beside it: a bit in `warm` that says there is one, and the time of its last reading in `read`.

local HOME_HEADER_BYTES = 18
-- Four times what pages are read from. Others shorten a timeline when it is pushed to or read; the one
-- of an author whom nobody writes to and who does not read becomes cold instead.
local HOME_BYTES_MAX = HOME_HEADER_BYTES + 3200 * 8

local function home_bit(user)
  return math.floor(tonumber(user) / 64)
end

-- Writes a whole timeline. In two steps, because Redis doubles the room of a string to which something
-- is appended: the pushes that follow find theirs.
local function write_home(key, header, entries)
  redis.call('SET', key, header)
  redis.call('APPEND', key, entries)
end

local function cool(tag, user)
  redis.call('DEL', tag .. 'ho:' .. user)
  redis.call('SETBIT', tag .. 'warm', home_bit(user), 0)
  redis.call('ZREM', tag .. 'read', user)
end

-- Pushes an id (8 bytes) to a timeline that is there; whether it was.
local function push(tag, user, packed)
  local key = tag .. 'ho:' .. user
  local length = redis.call('STRLEN', key)
  if length % 8 ~= HOME_HEADER_BYTES % 8 then
    return false
  end
  if length >= HOME_BYTES_MAX then
    cool(tag, user)
    return false
  end
  redis.call('APPEND', key, packed)
  return true
end
