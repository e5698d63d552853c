-- Leaves a tombstone in a post's place and enqueues the job that takes it from the pages.
--
-- KEYS: the post. ARGV: now, the editor ('' for an admin), nonce, the trace.
-- Answers {'deleted', what it answered and passed on}; {'missing'}, {'forbidden'} when nothing has
-- happened.

local tag, id = string.sub(KEYS[1], 1, 4), string.sub(KEYS[1], 7)
local now, nonce, trace = tonumber(ARGV[1]), ARGV[3], ARGV[4]

local answer = answer_to(tag, nonce)
if answer then
  return { 'deleted', answer }
end
local post = parse_post(redis.call('GETRANGE', KEYS[1], 0, POST_HEADER_BYTES + 15))
if not post then
  return { 'missing' }
end
local author = string.format('%.0f', post.author)
if ARGV[2] ~= '' and author ~= ARGV[2] then
  return { 'forbidden' }
end

local references = ''
if post.reply_to or post.repost_of then
  references = decimal(post.reply_to or 0) .. ',' .. decimal(post.repost_of or 0)
  redis.call('HSET', tag .. 'out', '-' .. id, references)
end
redis.call('ZREM', tag .. 'a:' .. author, id)
redis.call('HSET', tag .. 'u:' .. author, 'posts', redis.call('ZCARD', tag .. 'a:' .. author))
redis.call('DEL', tag .. 'r:' .. id, tag .. 're:' .. id, tag .. 'rp:' .. id, tag .. 'rx:' .. id)
-- A post that was never listed is in no index; one that was edited may have been.
if post.visibility == PUBLIC or post.revision > 0 then
  enqueue(tag, 'i', id, now, trace)
end
post.flags = POST_DELETED
post.replies, post.reposts, post.favourites = 0, 0, 0
post.text_bytes, post.link_bytes, post.changed_at = 0, 0, now
redis.call('SET', KEYS[1], pack_header(post))
keep_answer(tag, nonce, references)
return { 'deleted', references }
