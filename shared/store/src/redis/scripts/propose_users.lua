-- Writes down users who are to be created. They do not exist before they are activated.
--
-- KEYS: one of the users. ARGV: for each the id, the proposal.
-- Answers for each with 1; with 0 when somebody else has the id.

local tag = string.sub(KEYS[1], 1, 4)
local answer = {}
for at = 1, #ARGV, 2 do
  local user, proposal = tag .. 'u:' .. ARGV[at], ARGV[at + 1]
  if redis.call('EXISTS', user) == 0 then
    redis.call('HSET', user, 'x', proposal)
    answer[#answer + 1] = 1
  else
    answer[#answer + 1] = redis.call('HGET', user, 'x') == proposal and 1 or 0
  end
end
return answer
