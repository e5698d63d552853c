-- What a script answered, kept under the nonce of its command: the command may come again when its
-- answer was lost, and must then have no second effect. Whoever sends it has given up long before the
-- answer is forgotten.

local NONCE_KEPT_MS = 120000

-- What the command with this nonce was answered; false where it has not come yet. The answer is kept
-- anew: a script that waits for replicas waits for what its own connection has written.
local function answer_to(tag, nonce)
  return redis.call('GETEX', tag .. 'n:' .. nonce, 'PX', NONCE_KEPT_MS)
end

-- Keeps the answer, a string.
local function keep_answer(tag, nonce, answer)
  redis.call('SET', tag .. 'n:' .. nonce, answer, 'PX', NONCE_KEPT_MS)
end
