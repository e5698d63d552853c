-- Settles a job of the public tier, once the pages of topics are as they should be.
--
-- KEYS: what the indexes hold of the post. ARGV: the prefix of the queue, the job, the token of its
-- lease, now, the post, the stage of its receipt, the revision, the topics and the number of the note of
-- where it may be ('' each when there was nothing to do).
-- Answers when the job was accepted, or false when the lease has ended and nothing has happened.

local tag = string.sub(KEYS[1], 1, 4)
local record = check_lease(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]))
if not record then
  return false
end
if ARGV[7] ~= '' then
  local revision = tonumber(redis.call('HGET', KEYS[1], 'r') or -1)
  -- Another job may have brought the pages in line with a later revision meanwhile.
  if revision <= tonumber(ARGV[7]) then
    redis.call('HSET', KEYS[1], 'r', ARGV[7], 't', ARGV[8])
    -- Or it is about to, and its note must stay. The numbers go on, so that nobody who is late takes a
    -- later note for his own.
    if redis.call('HGET', KEYS[1], 'n') == ARGV[9] then
      redis.call('HDEL', KEYS[1], 'm')
    end
  end
end
write_stage(tag, ARGV[5], 'p', ARGV[6])
ack(ARGV[1], ARGV[2], record)
return accepted_at_of(record)
