-- Commits a post with its jobs.
--
-- KEYS: the sequence of the author's partition.
-- ARGV: now, author, when it was written ('' for now), nonce, record, by what it is known when it comes
-- again ('i': an idempotency key, 'k': an import key, '': its nonce alone), that key, the hash of the
-- request ('i' alone), what it answers and passes on ('' for nothing), its jobs: '1' when it is listed,
-- the trace.
-- Answers {'made', id}; {'replayed', id, record as it was then}; {'known', id}; {'mismatch'}, {'no user'},
-- {'no id'} when nothing has happened.

local IDEMPOTENCY_MS = 24 * 3600000
local IDEMPOTENCY_KEPT_MS = 25 * 3600000

local tag = string.sub(KEYS[1], 1, 4)
local now, author, created_at, nonce, record = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local known_by, key, request, references = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local is_listed, trace = ARGV[10] == '1', ARGV[11]

if known_by == 'i' then
  local name = tag .. 'i:' .. key
  local kept = redis.call('GET', name)
  if kept then
    local its_request, used_at, its_nonce, id, at = struct.unpack('>c32i8c16I8', kept)
    if now < used_at + IDEMPOTENCY_MS then
      if its_request ~= request then
        return { 'mismatch' }
      end
      -- A write, because whoever waits for replicas waits for what his connection has written.
      redis.call('PEXPIRE', name, IDEMPOTENCY_KEPT_MS)
      if its_nonce == nonce then
        return { 'made', decimal(id) }
      end
      return { 'replayed', decimal(id), string.sub(kept, at) }
    end
  end
elseif known_by == 'k' then
  local name = tag .. 'ik:' .. key
  local kept = redis.call('GET', name)
  if kept then
    local its_nonce, id = struct.unpack('>c16I8', kept)
    redis.call('SET', name, kept)
    redis.call('HSET', tag .. 'out', 'k' .. key, decimal(id))
    return { its_nonce == nonce and 'made' or 'known', decimal(id) }
  end
else
  local id = answer_to(tag, nonce)
  if id then
    return { 'made', id }
  end
end

local user = tag .. 'u:' .. author
if redis.call('HEXISTS', user, 'd') == 0 then
  return { 'no user' }
end
local id
if created_at == '' then
  id = next_id(KEYS[1], now)
else
  id = backdated_id(KEYS[1], tonumber(created_at))
end
if not id then
  return { 'no id' }
end
local name = decimal(id)

redis.call('SET', tag .. 'p:' .. name, record)
redis.call('ZADD', tag .. 'a:' .. author, name, name)
-- As it is now rather than one more: a server that is killed while it writes its log, and once more later, may
-- carry out a part of what it had not acknowledged a second time.
redis.call('HSET', user, 'posts', redis.call('ZCARD', tag .. 'a:' .. author))
log_post(tag, id)
push(tag, author, struct.pack('>I8', id))
if references ~= '' then
  redis.call('HSET', tag .. 'out', '+' .. name, references)
end
enqueue(tag, 'd', name, now, trace)
if is_listed then
  enqueue(tag, 'i', name, now, trace)
end

if known_by == 'i' then
  local kept = struct.pack('>c32i8c16I8', request, now, nonce, id) .. record
  redis.call('SET', tag .. 'i:' .. key, kept, 'PX', IDEMPOTENCY_KEPT_MS)
elseif known_by == 'k' then
  redis.call('SET', tag .. 'ik:' .. key, struct.pack('>c16I8', nonce, id))
  redis.call('HSET', tag .. 'out', 'k' .. key, name)
else
  keep_answer(tag, nonce, name)
end
return { 'made', name }
