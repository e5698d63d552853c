-- Forgets the names of topics whose feed documents are gone.
--
-- KEYS: the names, then the documents of each of some topics. ARGV: the names of these topics.

for index, name in ipairs(ARGV) do
  if redis.call('EXISTS', KEYS[index + 1]) == 0 then
    redis.call('SREM', KEYS[1], name)
  end
end
return #ARGV
