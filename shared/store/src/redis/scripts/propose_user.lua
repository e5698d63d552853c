-- Writes down a user who is to be created. He does not exist before he is activated.
--
-- KEYS: the user. ARGV: the proposal.
-- Answers 1; 0 when somebody else has the id.

local there = redis.call('HGET', KEYS[1], 'x')
if there then
  return there == ARGV[1] and 1 or 0
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 0
end
redis.call('HSET', KEYS[1], 'x', ARGV[1])
return 1
