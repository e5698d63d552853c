-- KEYS: one of the users. ARGV: their ids. Answers for each with 1 if he exists, with 0 if not.

local tag = string.sub(KEYS[1], 1, 4)
local answer = {}
for index, id in ipairs(ARGV) do
  answer[index] = redis.call('HEXISTS', tag .. 'u:' .. id, 'd')
end
return answer
