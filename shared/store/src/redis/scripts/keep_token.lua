-- Keeps whose a token is.
--
-- KEYS: the token. ARGV: the user.

return redis.call('SET', KEYS[1], ARGV[1])
