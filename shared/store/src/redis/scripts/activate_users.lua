-- Makes users of proposals: 16 bytes of nonce, the length of the user's record in two bytes, the record, and
-- what else belongs to him.
--
-- KEYS: one of the users. ARGV: for each the id, the nonce.
-- Answers for each with 1.

local tag = string.sub(KEYS[1], 1, 4)
local answer = {}
for at = 1, #ARGV, 2 do
  local user = tag .. 'u:' .. ARGV[at]
  local proposal = redis.call('HGET', user, 'x')
  if proposal and string.sub(proposal, 1, 16) == ARGV[at + 1] then
    local length = struct.unpack('>I2', proposal, 17)
    redis.call('HSET', user, 'd', string.sub(proposal, 19, 18 + length))
    redis.call('HDEL', user, 'x')
  end
  answer[#answer + 1] = 1
end
return answer
