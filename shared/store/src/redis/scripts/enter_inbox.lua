-- Enters a post in inboxes, and pushes it to those home timelines of theirs that are there.
--
-- KEYS: the inbox of one of them, for the partition. ARGV: the post, its id in 8 bytes, the users.

local tag = string.sub(KEYS[1], 1, 4)
for index = 3, #ARGV do
  redis.call('ZADD', tag .. 'in:' .. ARGV[index], ARGV[1], ARGV[1])
  push(tag, ARGV[index], ARGV[2])
end
return #ARGV - 2
