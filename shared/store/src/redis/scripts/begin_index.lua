-- Notes where a post may be from now on, before the pages of topics are touched.
--
-- KEYS: what the indexes hold of the post (HASH: r the revision, t its topics, m where it may be beside
-- that, both as topic_names.rs packs them). ARGV: the prefix of the queue, the job, the token of its
-- lease, now, the revision, the topics.
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
before = before .. (maybe or '')
redis.call('HSET', KEYS[1], 'm', (maybe or '') .. ARGV[6])
return { 'change', before, tostring(redis.call('HINCRBY', KEYS[1], 'n', 1)) }
