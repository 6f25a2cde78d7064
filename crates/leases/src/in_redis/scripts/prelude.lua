-- What every script begins with.
--
-- A score holds two numbers exactly, in 53 bits: a time in whole seconds since 2020, times 2^22, plus the
-- fencing token modulo 2^22. Positive, the time is until when the lease counts as heard. Negative, and one
-- less, the lease is condemned, and the time is when.
-- The set holds a member of its own beside the leases, 'generation', so that losing the set alone shows as well. Its
-- score is the latest time of this server's at which it was looked at.
local SPAN = 4194304
local EPOCH = 1577836800
-- How far this server's clock may be set back unnoticed, in seconds.
local SLACK = 0.5

-- This server's time in seconds.
local function own_time()
  local now = redis.call('TIME')
  return math.max(0, tonumber(now[1]) - EPOCH + tonumber(now[2]) / 1000000)
end

-- The time in seconds: the caller's, or where it gives none this server's.
local function time(given)
  if given ~= '' then return tonumber(given) end
  return own_time()
end

-- A score's time, its token, and whether it condemns.
local function read(score)
  local condemned = score < 0
  if condemned then score = -score - 1 end
  local token = score % SPAN
  return (score - token) / SPAN, token, condemned
end

-- Whether token `one` is newer than `other`, both modulo 2^22 and less than half of that apart.
local function newer(one, other)
  local ahead = (one - other) % SPAN
  return ahead > 0 and ahead < SPAN / 2
end

-- Whether this server's clock was set back since it was looked at, so that who lapsed would seem to live.
local function set_back(looked)
  return (own_time() + SLACK) * SPAN < looked
end

-- Whether this server still is as it was seen by a caller that gives it until `latest` to run the call. KEYS: heard,
-- generation.
local function stands(seen, latest)
  if redis.call('GET', KEYS[2]) ~= seen then return false end
  local looked = redis.call('ZSCORE', KEYS[1], 'generation')
  if not looked or set_back(tonumber(looked)) then return false end
  return latest == '' or own_time() <= tonumber(latest)
end

-- Leases in ARGV, from `at` to the end: how many kinds of them there are; of each kind two numbers of milliseconds; all
-- ids; and for each lease its token, plus 2^22 times its kind, counted from 0.
-- Answers where the ids begin, how many there are, and the numbers of the kinds, in seconds.
local function leases(at)
  local kinds = tonumber(ARGV[at])
  local ones, others = {}, {}
  for kind = 0, kinds - 1 do
    ones[kind] = tonumber(ARGV[at + 1 + 2 * kind]) / 1000
    others[kind] = tonumber(ARGV[at + 2 + 2 * kind]) / 1000
  end
  local first = at + 1 + 2 * kinds
  return first, (#ARGV - first + 1) / 2, ones, others
end
