-- Registers leases, no id twice. KEYS: heard, generation. ARGV: the time, the generation that was seen, until when this
-- may run, then the leases; the numbers of a kind are the patience, and how long ago they were heard.
-- Answers nil if this server is not as it was seen, else one digit each: 0 registered, 1 known with this token, 2 known
-- with a newer one, 3 condemned.
if not stands(ARGV[2], ARGV[3]) then return false end
local now = time(ARGV[1])
local first, n, patience, ago = leases(4)
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, first, first + n - 1))
local answers, changes, texts = {}, {}, {}
for i = 1, n do
  local answer = 0
  local code = tonumber(ARGV[first + n + i - 1])
  local given = code % SPAN
  local score = tonumber(scores[i])
  if score then
    local _, token, condemned = read(score)
    if not newer(given, token) then
      answer = condemned and 3 or (given == token and 1 or 2)
    end
  end
  if answer == 0 then
    local text = texts[code]
    if not text then
      local kind = (code - given) / SPAN
      text = string.format('%.0f', math.max(0, math.ceil(now + patience[kind] - ago[kind])) * SPAN + given)
      texts[code] = text
    end
    changes[#changes + 1] = text
    changes[#changes + 1] = ARGV[first + i - 1]
  end
  answers[i] = answer
end
if #changes > 0 then redis.call('ZADD', KEYS[1], unpack(changes)) end
return table.concat(answers)
