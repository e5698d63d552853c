-- Ends the removal of a follower from a list, unless another follow or removal has taken its ticket.
--
-- KEYS: the tickets of the list. ARGV: the user, the follower, the ticket, '1' to remove him or '0' to let
-- him be.

local tag = string.sub(KEYS[1], 1, 4)
if redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[3] then
  redis.call('HDEL', KEYS[1], ARGV[2])
  if ARGV[4] == '1' then
    leave_followers(tag, ARGV[1], ARGV[2])
  end
end
return 'OK'
