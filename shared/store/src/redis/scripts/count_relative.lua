-- Counts an answer to a post, or a repost, or counts it no longer. Doing so twice is the same as once,
-- and whoever is counted no longer stays so: a deletion may come before the late news of its post.
--
-- KEYS: the post. ARGV: 're' for an answer or 'rp' for a repost, its id, '+' or '-'.

local tag, id = string.sub(KEYS[1], 1, 4), string.sub(KEYS[1], 7)
local kind, relative = ARGV[1], ARGV[2]

local post = parse_post(redis.call('GETRANGE', KEYS[1], 0, POST_HEADER_BYTES + 15))
if not post then
  return 0
end
local standing, gone = tag .. kind .. ':' .. id, tag .. 'rx:' .. id
local change = 0
if ARGV[3] == '-' then
  redis.call('SADD', gone, relative)
  change = -redis.call('SREM', standing, relative)
elseif redis.call('SISMEMBER', gone, relative) == 0 then
  change = redis.call('SADD', standing, relative)
end
if change ~= 0 then
  if kind == 're' then
    post.replies = post.replies + change
  else
    post.reposts = post.reposts + change
  end
  redis.call('SETRANGE', KEYS[1], 0, pack_header(post))
end
return change
