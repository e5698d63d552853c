-- Lets users follow, whose followers' lists know of it already.
--
-- KEYS: the notes of the followers' partition, its epochs.
-- ARGV: nonce, the note's name, of how many followers; for each of them the place of his epoch; for each of
-- them his epoch when this was begun ('' for the first), his id, how many, whom he is to follow.
-- Answers for each follower with how many of them are new, or with '-' where his epoch has changed: a
-- removal may have taken him from a list since, and it has to be begun anew.

local tag = string.sub(KEYS[1], 1, 4)
local answer = answer_to(tag, ARGV[1])
if answer then
  return answer
end
local followers = tonumber(ARGV[3])
local epochs = redis.call('HMGET', KEYS[2], unpack(ARGV, 4, 3 + followers))
local added_by_each, is_done = {}, true
local at = 4 + followers
for index = 1, followers do
  local epoch, from, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local first, last = at + 3, at + 2 + count
  if (epochs[index] or '') ~= epoch then
    added_by_each[index], is_done = '-', false
  else
    local added = redis.call('SADD', tag .. 'fo:' .. from, unpack(ARGV, first, last))
    if added > 0 and redis.call('EXISTS', tag .. 'ho:' .. from) == 1 then
      cool(tag, from)
    end
    added_by_each[index] = string.format('%.0f', added)
  end
  at = last + 1
end
if is_done then
  redis.call('HDEL', KEYS[1], ARGV[2])
end
answer = table.concat(added_by_each, ' ')
keep_answer(tag, ARGV[1], answer)
return answer
