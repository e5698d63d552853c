-- Changes a user's record, if it is still the one that was read.
--
-- KEYS: the user. ARGV: nonce, the record as it was read, the new one.
-- Answers 1; 0 when somebody else has changed it.

local tag = string.sub(KEYS[1], 1, 4)
if answer_to(tag, ARGV[1]) then
  return 1
end
if redis.call('HGET', KEYS[1], 'd') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'd', ARGV[3])
keep_answer(tag, ARGV[1], '1')
return 1
