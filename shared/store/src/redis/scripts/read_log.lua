-- KEYS: the days of a partition's log. ARGV: the lowest id, the highest, how many at most.
-- Answers with the first ids in that range, 8 bytes each, in their order.

local IDS_OF_A_DAY = 4096 * 86400000
local tag = string.sub(KEYS[1], 1, 4)
local low, high, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local function id_at(key, index)
  return (struct.unpack('>I8', redis.call('GETRANGE', key, index * 8, index * 8 + 7)))
end

-- The ids of a day in the range that came in their order.
local function ordered(key, found_max)
  local first, past = 0, redis.call('STRLEN', key) / 8
  while first < past do
    local middle = math.floor((first + past) / 2)
    if id_at(key, middle) < low then
      first = middle + 1
    else
      past = middle
    end
  end
  local packed = redis.call('GETRANGE', key, first * 8, (first + found_max) * 8 - 1)
  local ids = {}
  for at = 1, #packed, 8 do
    local id = struct.unpack('>I8', packed, at)
    if id > high then
      break
    end
    ids[#ids + 1] = id
  end
  return ids
end

local found = {}
local function merge(day)
  local found_max = limit - #found
  local these = ordered(tag .. 'log:' .. day, found_max)
  local those = redis.call('ZRANGE', tag .. 'lox:' .. day, ARGV[1], ARGV[2], 'BYSCORE', 'LIMIT', 0, found_max)
  local a, b = 1, 1
  while #found < limit and (these[a] or those[b]) do
    local that = those[b] and tonumber(those[b])
    if not that or (these[a] and these[a] < that) then
      found[#found + 1] = struct.pack('>I8', these[a])
      a = a + 1
    else
      found[#found + 1] = struct.pack('>I8', that)
      b = b + 1
    end
  end
end

-- Each day but the first has ids in the range.
local days = redis.call('ZRANGE', KEYS[1], math.floor(low / IDS_OF_A_DAY), math.floor(high / IDS_OF_A_DAY),
  'BYSCORE', 'LIMIT', 0, limit + 1)
for _, day in ipairs(days) do
  if #found >= limit then
    break
  end
  merge(day)
end
return table.concat(found)
