-- Makes a user of a proposal.
--
-- KEYS: the user. ARGV: the proposal, the user's record.

if redis.call('HGET', KEYS[1], 'x') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'd', ARGV[2])
  redis.call('HDEL', KEYS[1], 'x')
end
return 'OK'
