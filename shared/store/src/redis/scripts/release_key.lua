-- Frees an idempotency key whose request was refused.
--
-- KEYS: the idempotency key. ARGV: what it holds.

if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 'OK'
