-- An id of the time `ms`, which may lie in the past, for a post: a free one between those that the
-- sequence `key` has made, or one that the sequence makes. nil where there is none.
--
-- The ids taken of one time lie close together, so the end of them is found in steps that double and
-- then halve; the dates of an import may name no more than the day, and thousands of posts share one.
local function backdated_id(key, ms)
  local tag = string.sub(key, 1, 4)
  local first = first_id(tag, ms)
  if not first then
    return next_id(key, ms)
  end
  local last = tonumber(redis.call('GET', key) or 0)
  local function nth(n)
    return first + math.floor(n / 64) * 4096 + n % 64
  end
  local function is_taken(n)
    local id = nth(n)
    return id <= last and redis.call('EXISTS', tag .. 'p:' .. decimal(id)) == 1
  end
  local free, taken = 0, -1
  while is_taken(free) do
    taken = free
    free = free * 2 + 1
  end
  while free - taken > 1 do
    local middle = math.floor((free + taken) / 2)
    if is_taken(middle) then
      taken = middle
    else
      free = middle
    end
  end
  if nth(free) > last then
    return next_id(key, ms)
  end
  return nth(free)
end
