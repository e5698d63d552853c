-- Notes where a post may be from now on, before the pages of topics are touched.
--
-- KEYS: what the indexes hold of the post (HASH: r the revision, t its topics, m where it may be beside
-- that, both as topic_names.rs packs them, n the number of the last such note). ARGV: the prefix of the
-- queue, the job, the token of its lease, now, the revision, the topics.
-- Answers {'lost'} when the lease has ended; {'same'} when there is nothing to do; {'change', where it may
-- have been before, the number of this note}.

local record = check_lease(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]))
if not record then
  return { 'lost' }
end
local kept = redis.call('HMGET', KEYS[1], 'r', 't', 'm')
local revision, before, maybe = tonumber(kept[1] or -1), kept[2] or '', kept[3]
local after = tonumber(ARGV[5])
if revision > after or (revision == after and before == ARGV[6] and not maybe) then
  return { 'same' }
end
maybe = maybe or ''
before = before .. maybe

-- Calls `see` with each topic, as it is packed.
local function each_topic(packed, see)
  local at = 1
  while at < #packed do
    local past = at + 2 + struct.unpack('>I2', packed, at)
    see(string.sub(packed, at, past - 1))
    at = past
  end
end

-- A job that is tried again and again notes the same topics.
local noted = {}
each_topic(maybe, function(topic)
  noted[topic] = true
end)
each_topic(ARGV[6], function(topic)
  if not noted[topic] then
    maybe = maybe .. topic
  end
end)
redis.call('HSET', KEYS[1], 'm', maybe)
return { 'change', before, tostring(redis.call('HINCRBY', KEYS[1], 'n', 1)) }
