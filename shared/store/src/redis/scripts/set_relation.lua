-- Sets or ends a mute or a block.
--
-- KEYS: the notes of the partition of him who mutes or blocks.
-- ARGV: nonce, he, 'mu' or 'bl', the other, '1' or '0'.
-- For a block answers with its version: two times the number of this user's latest change of a block, plus
-- 1 if it stands. For a mute with 0.

local tag, from, kind, to = string.sub(KEYS[1], 1, 4), ARGV[2], ARGV[3], ARGV[4]
local answer = answer_to(tag, ARGV[1])
if answer then
  return tonumber(answer)
end
local changed = redis.call(ARGV[5] == '1' and 'SADD' or 'SREM', tag .. kind .. ':' .. from, to)
local version = 0
if kind == 'bl' then
  -- Also where nothing has changed: whoever has changed it may not have told the other's partition yet.
  local number = redis.call('HINCRBY', tag .. 'u:' .. from, 'bv', changed)
  version = number * 2 + tonumber(ARGV[5])
  redis.call('HSET', KEYS[1], ARGV[1], 'b ' .. from .. '>' .. to)
  if changed == 1 then
    cool(tag, from)
  end
end
keep_answer(tag, ARGV[1], tostring(version))
return version
