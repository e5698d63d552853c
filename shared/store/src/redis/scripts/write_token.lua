-- Writes the token of a user whose handle has been claimed: he is sure to exist, so it must not be
-- refused where memory is full.
--
-- KEYS: the token. ARGV: the user.

return redis.call('SET', KEYS[1], ARGV[1])
