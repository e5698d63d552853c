-- Looks at pairs that are to follow, and notes those that do not yet.
--
-- KEYS: the notes of the followers' partition.
-- ARGV: the note's name; then for each follower: his id, how many, whom he is to follow.
-- Answers for each follower with his epoch, and with '1' for each whom he follows already, '0' for the
-- others.

local tag = string.sub(KEYS[1], 1, 4)
local answer, pairs_noted = {}, {}
local at = 2
while at < #ARGV do
  local from, count = ARGV[at], tonumber(ARGV[at + 1])
  local first, last = at + 2, at + 1 + count
  local follows = redis.call('SMISMEMBER', tag .. 'fo:' .. from, unpack(ARGV, first, last))
  for index, known in ipairs(follows) do
    if known == 0 then
      pairs_noted[#pairs_noted + 1] = from .. '>' .. ARGV[at + 1 + index]
    end
  end
  answer[#answer + 1] = redis.call('HGET', tag .. 'u:' .. from, 'e') or '0'
  answer[#answer + 1] = table.concat(follows)
  at = last + 1
end
if #pairs_noted > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], 'f ' .. table.concat(pairs_noted, ' '))
end
return answer
