-- Gives handles to users, where they are free.
--
-- KEYS: one of the handles. ARGV: for each the handle, the user's id.
-- Answers for each with the id of the user who has it now.

local tag = string.sub(KEYS[1], 1, 4)
local answer = {}
for at = 1, #ARGV, 2 do
  local before = redis.call('SET', tag .. 'h:' .. ARGV[at], ARGV[at + 1], 'NX', 'GET')
  answer[#answer + 1] = before or ARGV[at + 1]
end
return answer
