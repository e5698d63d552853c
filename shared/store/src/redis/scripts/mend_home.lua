-- Removes what pushes have left of a timeline that is no longer there.
--
-- KEYS: the timeline. ARGV: the user.

local bytes = redis.call('STRLEN', KEYS[1])
if bytes > 0 and bytes % 8 ~= HOME_HEADER_BYTES % 8 then
  cool(string.sub(KEYS[1], 1, 4), ARGV[1])
end
return 1
