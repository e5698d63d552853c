-- Stored posts: a header that scripts read and change, the ids of the posts that it answers and passes
-- on where there are such, and sections that are read outside (post_record.rs).

local POST_HEADER = '>BBBI4I4I4I4I4i8i8I4I4'
local POST_HEADER_BYTES = 47
local POST_DELETED, POST_EDITED, POST_ANSWERS, POST_REPOSTS = 1, 2, 4, 8
local PUBLIC, DIRECT = 0, 3

-- The post in `record`, a whole one or at least its first 63 bytes; nil where there is none, or where
-- it was deleted.
local function parse_post(record)
  if not record or #record < POST_HEADER_BYTES then
    return nil
  end
  local post = {}
  post.version, post.flags, post.visibility, post.author, post.revision, post.replies, post.reposts,
    post.favourites, post.accepted_at, post.changed_at, post.text_bytes, post.link_bytes =
    struct.unpack(POST_HEADER, record)
  if bit.band(post.flags, POST_DELETED) ~= 0 then
    return nil
  end
  local at = POST_HEADER_BYTES + 1
  if bit.band(post.flags, POST_ANSWERS) ~= 0 then
    post.reply_to, at = struct.unpack('>I8', record, at)
  end
  if bit.band(post.flags, POST_REPOSTS) ~= 0 then
    post.repost_of, at = struct.unpack('>I8', record, at)
  end
  post.references = string.sub(record, POST_HEADER_BYTES + 1, at - 1)
  post.text_at = at
  return post
end

local function pack_header(post)
  return struct.pack(POST_HEADER, post.version, post.flags, post.visibility, post.author, post.revision,
    post.replies, post.reposts, post.favourites, post.accepted_at, post.changed_at, post.text_bytes,
    post.link_bytes)
end
