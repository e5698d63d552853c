-- Enqueues jobs of a tier that no commit causes.
--
-- KEYS: the tier's jobs. ARGV: now, nonce, then for each its kind, its post (0 for none), how long after
-- now it is due, and how far it has come.

local tag, tier = string.sub(KEYS[1], 1, 4), string.sub(KEYS[1], 6, 6)
local now, nonce = tonumber(ARGV[1]), ARGV[2]

if answer_to(tag, nonce) then
  return 1
end
for at = 3, #ARGV, 4 do
  put_job(tag, tier, ARGV[at], ARGV[at + 1], now, tonumber(ARGV[at + 2]), '', ARGV[at + 3])
end
keep_answer(tag, nonce, '1')
return 1
