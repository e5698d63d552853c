-- Ends a follow. The list of whom he followed is left to the note.
--
-- KEYS: the notes of the follower's partition. ARGV: nonce, the follower, whom he followed.
-- Answers 1; 0 when he did not follow.

local tag = string.sub(KEYS[1], 1, 4)
local answer = answer_to(tag, ARGV[1])
if answer then
  return tonumber(answer)
end
local removed = redis.call('SREM', tag .. 'fo:' .. ARGV[2], ARGV[3])
if removed == 1 then
  cool(tag, ARGV[2])
  redis.call('HSET', KEYS[1], ARGV[1], 'f ' .. ARGV[2] .. '>' .. ARGV[3])
end
keep_answer(tag, ARGV[1], tostring(removed))
return removed
