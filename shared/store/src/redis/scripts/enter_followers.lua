-- Enters followers in the lists of those whom they are to follow. Removals of them that are under way
-- come to nothing.
--
-- KEYS: the notes of the lists' partition.
-- ARGV: nonce; then for each list: the user, how many, his followers in ascending order.

local tag = string.sub(KEYS[1], 1, 4)
if answer_to(tag, ARGV[1]) then
  return 'OK'
end
local at = 2
while at < #ARGV do
  local user, count = ARGV[at], tonumber(ARGV[at + 1])
  local first, last = at + 2, at + 1 + count
  redis.call('HDEL', tag .. 'rt:' .. user, unpack(ARGV, first, last))
  enter_followers(tag, user, ARGV, first, last)
  at = last + 1
end
keep_answer(tag, ARGV[1], '')
return 'OK'
