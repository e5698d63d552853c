-- Leaves tickets for removals from lists, in the place of those of earlier removals. Each time they are new
-- ones: when this comes again, long after its removals, nobody has the tickets that it leaves.
--
-- KEYS: the tickets of removals in the lists' partition. ARGV: nonce; then each follower '>' user.
-- Answers for each with his ticket.

local answer = {}
local number = redis.call('INCR', string.sub(KEYS[1], 1, 4) .. 'tickets')
local ticket = ARGV[1] .. string.format('%.0f', number)
for at = 2, #ARGV do
  redis.call('HSET', KEYS[1], ARGV[at], ticket)
  answer[at - 1] = ticket
end
return answer
