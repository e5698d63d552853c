-- Notes where a post may be from now on, before the pages of topics are touched.
--
-- KEYS: what the indexes hold of the post (HASH: r the revision, t its topics, m where it may be beside
-- that, both as topic_names.rs packs them, n whose note that is). ARGV: the prefix of the queue, the job, the token of its
-- lease, now, the revision, the topics.
-- Answers {'lost'} when the lease has ended; {'same'} when there is nothing to do; {'change', where it may
-- have been before, the name of this note}.

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
-- Whoever tries again notes the same.
if maybe ~= ARGV[6] then
  maybe = (maybe or '') .. ARGV[6]
end
-- No later attempt at this or another job has this name.
local name = ARGV[2] .. ARGV[3]
redis.call('HSET', KEYS[1], 'm', maybe, 'n', name)
return { 'change', before, name }
