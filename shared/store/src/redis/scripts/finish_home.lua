-- Ends a rebuild: the timeline becomes warm, unless it was made cold or is rebuilt by somebody else.
--
-- KEYS: the timeline. ARGV: the header with which the rebuild was begun, the header of the warm
-- timeline, the ids that were read.
-- Answers 1, or 0 when nothing has happened.

local kept = redis.call('GET', KEYS[1])
if not kept or string.sub(kept, 1, HOME_HEADER_BYTES) ~= ARGV[1] then
  return 0
end
write_home(KEYS[1], ARGV[2], ARGV[3] .. string.sub(kept, HOME_HEADER_BYTES + 1))
return 1
