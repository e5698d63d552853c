-- The memory of this server, and its bound (0 where there is none), in bytes. 0 and 0 where the server
-- does not say: whoever is given few rights may be refused this.

local MEMORY_SHORT_FROM = 0.9

local function memory()
  local info = redis.pcall('INFO', 'memory')
  if type(info) ~= 'string' then
    return 0, 0
  end
  local used = string.match(info, '\nused_memory:(%d+)')
  local max = string.match(info, '\nmaxmemory:(%d+)')
  return tonumber(used) or 0, tonumber(max) or 0
end

local function is_memory_short()
  local used, max = memory()
  return max > 0 and used > max * MEMORY_SHORT_FROM
end
