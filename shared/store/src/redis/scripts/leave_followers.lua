-- Ends the removal of a follower from a list, unless another follow or removal has taken its ticket.
--
-- KEYS: the tickets of removals in the list's partition. ARGV: the follower, the user, the ticket, '1' to
-- remove him or '0' to let him be.
-- Answers 1; 0 when another removal has left its ticket.

local tag, pair = string.sub(KEYS[1], 1, 4), ARGV[1] .. '>' .. ARGV[2]
local ticket = redis.call('HGET', KEYS[1], pair)
if not ticket then
  return 1
elseif ticket ~= ARGV[3] then
  return 0
end
redis.call('HDEL', KEYS[1], pair)
if ARGV[4] == '1' then
  leave_followers(tag, ARGV[2], ARGV[1])
end
return 1
