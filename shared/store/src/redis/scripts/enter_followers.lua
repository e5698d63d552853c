-- Enters followers in the lists of those whom they are to follow. Removals of them that are under way
-- come to nothing.
--
-- KEYS: the tickets of removals in the lists' partition.
-- ARGV: nonce; then for each list: the user, how many, his followers in ascending order.

local tag = string.sub(KEYS[1], 1, 4)
if answer_to(tag, ARGV[1]) then
  return 'OK'
end
local are_removals_under_way = redis.call('EXISTS', KEYS[1]) == 1
local at, past = 2, #ARGV + 1
while at < past do
  local user, count = ARGV[at], tonumber(ARGV[at + 1])
  local first, last = at + 2, at + 1 + count
  if are_removals_under_way then
    for index = first, last do
      redis.call('HDEL', KEYS[1], ARGV[index] .. '>' .. user)
    end
  end
  enter_followers(tag, user, ARGV, first, last)
  at = last + 1
end
keep_answer(tag, ARGV[1], '')
return 'OK'
