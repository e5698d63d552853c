-- Enters posts on a topic's page and takes others from it.
--
-- Where a post was taken away, and where one came that had been edited, the revision is remembered for a
-- day or two, so that who is late with an older one changes nothing.
--
-- KEYS: the page. ARGV: the day, then for each post its id, its revision, '1' to enter it or '0'.

local REMEMBERED_S = 2 * 86400

local day = tonumber(ARGV[1])
local function memory(of_day)
  return KEYS[1] .. '\0' .. string.format('%.0f', of_day)
end

for index = 2, #ARGV, 3 do
  local post, revision, enters = ARGV[index], tonumber(ARGV[index + 1]), ARGV[index + 2] == '1'
  local known = redis.call('HGET', memory(day), post) or redis.call('HGET', memory(day - 1), post)
  if not known or tonumber(known) <= revision then
    if enters then
      redis.call('ZADD', KEYS[1], post, post)
    else
      redis.call('ZREM', KEYS[1], post)
    end
    if known or revision > 0 or not enters then
      redis.call('HSET', memory(day), post, revision)
      redis.call('EXPIRE', memory(day), REMEMBERED_S)
    end
  end
end
return 1
