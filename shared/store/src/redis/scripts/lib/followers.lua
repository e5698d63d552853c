-- Follower lists: leaves, which are sets of at most 512 ids (Redis packs so many numbers), named by the
-- lowest id that belongs there; and beside them, once there are several, a sorted set of those names, and
-- in the user's record how many followers they hold together. A leaf that is cut leaves its upper part to
-- a new one.

local LEAF_MAX = 512
-- When a leaf is cut, its parts have room for more.
local CUT_MAX = 384

local function leaf_of(tag, user, follower)
  local found = redis.call('ZRANGE', tag .. 'fd:' .. user, follower, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, 1)
  return found[1] or '0'
end

-- Divides a leaf with its members and the ids `first` to `last` into leaves of equal sizes; how many ids
-- were new, and whether it was the first cut of the list.
local function cut(tag, user, start, ids, first, last)
  local leaf = tag .. 'fl:' .. user .. ':' .. start
  local all, seen = {}, {}
  for _, id in ipairs(redis.call('SMEMBERS', leaf)) do
    all[#all + 1], seen[id] = tonumber(id), true
  end
  local before = #all
  for at = first, last do
    if not seen[ids[at]] then
      all[#all + 1] = tonumber(ids[at])
    end
  end
  table.sort(all)

  local directory = tag .. 'fd:' .. user
  local parts = math.ceil(#all / CUT_MAX)
  redis.call('DEL', leaf)
  local is_first_cut = redis.call('ZADD', directory, start, start) == 1
  if is_first_cut then
    redis.call('HSET', tag .. 'u:' .. user, 'followers', before)
  end
  for part = 1, parts do
    local members = {}
    for at = math.floor(#all * (part - 1) / parts) + 1, math.floor(#all * part / parts) do
      members[#members + 1] = string.format('%.0f', all[at])
    end
    if part > 1 then
      start = members[1]
      redis.call('ZADD', directory, start, start)
    end
    redis.call('SADD', tag .. 'fl:' .. user .. ':' .. start, unpack(members))
  end
  return #all - before, is_first_cut
end

-- Enters the followers `first` to `last` of `ids`, which ascend.
local function enter_followers(tag, user, ids, first, last)
  local directory, leaf = tag .. 'fd:' .. user, tag .. 'fl:' .. user .. ':0'
  if redis.call('EXISTS', directory) == 0 and redis.call('SCARD', leaf) + last - first < LEAF_MAX then
    redis.call('SADD', leaf, unpack(ids, first, last))
    return
  end
  local added = 0
  while first <= last do
    local start = leaf_of(tag, user, ids[first])
    local after = redis.call('ZRANGE', directory, '(' .. ids[first], '+inf', 'BYSCORE', 'LIMIT', 0, 1)
    local past = tonumber(after[1] or math.huge)
    local stop = first
    while stop < last and stop - first + 1 < LEAF_MAX and tonumber(ids[stop + 1]) < past do
      stop = stop + 1
    end
    leaf = tag .. 'fl:' .. user .. ':' .. start
    if redis.call('SCARD', leaf) + stop - first < LEAF_MAX then
      added = added + redis.call('SADD', leaf, unpack(ids, first, stop))
    elseif stop > first or redis.call('SISMEMBER', leaf, ids[first]) == 0 then
      local new, is_first_cut = cut(tag, user, start, ids, first, stop)
      -- Those who were added before the first cut have been counted by it.
      added = (is_first_cut and 0 or added) + new
    end
    first = stop + 1
  end
  if added > 0 then
    redis.call('HINCRBY', tag .. 'u:' .. user, 'followers', added)
  end
end

-- Takes a follower out.
local function leave_followers(tag, user, follower)
  local directory, start = tag .. 'fd:' .. user, leaf_of(tag, user, follower)
  local leaf = tag .. 'fl:' .. user .. ':' .. start
  if redis.call('SREM', leaf, follower) == 0 or redis.call('EXISTS', directory) == 0 then
    return
  end
  redis.call('HINCRBY', tag .. 'u:' .. user, 'followers', -1)
  if start ~= '0' and redis.call('EXISTS', leaf) == 0 then
    redis.call('ZREM', directory, start)
  end
end
