-- Changes a post and enqueues the jobs that bring the pages in line.
--
-- KEYS: the post. ARGV: now, the editor, nonce, '1' with a new text section or '0' with '', the same of
-- the link section, the new visibility or '', the trace.
-- Answers {'edited', record}; {'missing'}, {'forbidden'} when nothing has happened.

local tag, id = string.sub(KEYS[1], 1, 4), string.sub(KEYS[1], 7)
local now, nonce, trace = tonumber(ARGV[1]), ARGV[3], ARGV[9]

local answer = answer_to(tag, nonce)
if answer then
  return { 'edited', answer }
end
local record = redis.call('GET', KEYS[1])
local post = parse_post(record)
if not post then
  return { 'missing' }
end
if string.format('%.0f', post.author) ~= ARGV[2] then
  return { 'forbidden' }
end

local link_at = post.text_at + post.text_bytes
local rest_at = link_at + post.link_bytes
local text = string.sub(record, post.text_at, link_at - 1)
local link = string.sub(record, link_at, rest_at - 1)
if ARGV[4] == '1' then
  text = ARGV[5]
end
if ARGV[6] == '1' then
  link = ARGV[7]
end
local before = post.visibility
if ARGV[8] ~= '' then
  post.visibility = tonumber(ARGV[8])
end
post.flags = bit.bor(post.flags, POST_EDITED)
post.revision, post.changed_at = post.revision + 1, now
post.text_bytes, post.link_bytes = #text, #link
record = pack_header(post) .. post.references .. text .. link .. string.sub(record, rest_at)

redis.call('SET', KEYS[1], record)
if before == PUBLIC or post.visibility == PUBLIC then
  enqueue(tag, 'i', id, now, trace)
end
-- It reaches home timelines that it did not reach before.
if before == DIRECT and post.visibility ~= DIRECT then
  enqueue(tag, 'd', id, now, trace)
end
keep_answer(tag, nonce, record)
return { 'edited', record }
