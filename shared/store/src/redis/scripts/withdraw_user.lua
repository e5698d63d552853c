-- Takes a proposal away.
--
-- KEYS: the user. ARGV: the proposal.
-- Answers 1; 0 when it was not there.

if redis.call('HGET', KEYS[1], 'x') == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
