-- How far a tier has come with a post: a field 'f' or 'p' of the HASH {NN}r:<post>, as stage_record.rs
-- encodes it: version, state, flags, when the author tier was done, total, delivered, started_at, done_at.

local STAGE_DEAD = string.char(3)

-- Writes a stage, unless the post has been deleted.
local function write_stage(tag, post, tier, stage)
  local flags = redis.call('GETRANGE', tag .. 'p:' .. post, 1, 1)
  if flags ~= '' and string.byte(flags) % 2 == 0 then
    redis.call('HSET', tag .. 'r:' .. post, tier, stage)
  end
end

-- Marks a stage as given up; where there is none yet, the author tier was done at `accepted_at` (8 bytes).
local function bury_stage(tag, post, tier, accepted_at)
  local stage = redis.call('HGET', tag .. 'r:' .. post, tier)
  if stage then
    stage = string.sub(stage, 1, 1) .. STAGE_DEAD .. string.sub(stage, 3)
  else
    stage = string.char(1) .. STAGE_DEAD .. '\0' .. accepted_at .. string.rep('\0', 32)
  end
  write_stage(tag, post, tier, stage)
end
