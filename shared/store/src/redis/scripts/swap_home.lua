-- Puts a shorter beginning in the place of one that was read; what was pushed since stays behind it.
--
-- KEYS: the timeline. ARGV: its header as it was read, how many bytes were read, the new header, the
-- entries behind it.

local kept = redis.call('GET', KEYS[1])
local bytes = tonumber(ARGV[2])
if not kept or #kept < bytes or string.sub(kept, 1, HOME_HEADER_BYTES) ~= ARGV[1] then
  return 0
end
write_home(KEYS[1], ARGV[3], ARGV[4] .. string.sub(kept, bytes + 1))
return 1
