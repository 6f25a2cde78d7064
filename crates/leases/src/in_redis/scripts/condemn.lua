-- Condemns suspects that were not heard. KEYS: heard, generation. ARGV: the time, the generation that was seen, the
-- earliest and the latest time that this server may have by now, how many to condemn at most, then all ids, then
-- all tokens, then for each how far ahead a score can be, in milliseconds.
-- Answers nil if this server has forgotten something, its clock stepped, or the call comes too late. Otherwise for
-- each: -1 condemned, -2 spared, or for how many milliseconds it counts as heard.
local now = time(ARGV[1])
if not stands(ARGV[2], '') then return false end
if ARGV[3] ~= '' and (now < tonumber(ARGV[3]) or now > tonumber(ARGV[4])) then return false end
local left = tonumber(ARGV[5])
local n = (#ARGV - 5) / 3
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, 6, n + 5))
local verdicts, changes = {}, {}
for i = 1, n do
  local verdict = -1
  local score = tonumber(scores[i])
  local suspected = tonumber(ARGV[n + 5 + i])
  if score then
    local heard, token, condemned = read(score)
    if newer(token, suspected) then
      verdict = -2
    elseif not condemned and heard > now and heard <= now + tonumber(ARGV[n + n + 5 + i]) / 1000 then
      verdict = math.ceil((heard - now) * 1000)
    end
  end
  if verdict == -1 and left == 0 then verdict = -2 end
  if verdict == -1 then
    left = left - 1
    changes[#changes + 1] = -(math.floor(now) * SPAN + suspected) - 1
    changes[#changes + 1] = ARGV[i + 5]
  end
  verdicts[i] = verdict
end
if #changes > 0 then redis.call('ZADD', KEYS[1], unpack(changes)) end
return verdicts
