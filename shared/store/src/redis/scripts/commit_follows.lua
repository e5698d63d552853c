-- Lets users follow, whose followers' lists know of it already.
--
-- KEYS: the notes of the followers' partition.
-- ARGV: nonce, the note's name; then for each follower: his id, his epoch when this was begun, how many,
-- whom he is to follow.
-- Answers for each follower with how many of them are new, or with '-' where his epoch has changed: a
-- removal may have taken him from a list since, and it has to be begun anew.

local tag = string.sub(KEYS[1], 1, 4)
local answer = answer_to(tag, ARGV[1])
if answer then
  return answer
end
local added_by_each, is_done = {}, true
local at = 3
while at < #ARGV do
  local from, epoch, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local first, last = at + 3, at + 2 + count
  if (redis.call('HGET', tag .. 'u:' .. from, 'e') or '0') ~= epoch then
    added_by_each[#added_by_each + 1], is_done = '-', false
  else
    local added = redis.call('SADD', tag .. 'fo:' .. from, unpack(ARGV, first, last))
    if added > 0 then
      cool(tag, from)
    end
    added_by_each[#added_by_each + 1] = tostring(added)
  end
  at = last + 1
end
if is_done then
  redis.call('HDEL', KEYS[1], ARGV[2])
end
answer = table.concat(added_by_each, ' ')
keep_answer(tag, ARGV[1], answer)
return answer
