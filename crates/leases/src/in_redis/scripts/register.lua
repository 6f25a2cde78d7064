-- Registers leases, no id twice. KEYS: heard, generation. ARGV: the time, the generation that was seen, until when this
-- may run, then all ids, all tokens, all patiences, and how long ago each was heard, in milliseconds.
-- Answers nil if this server is not as it was seen, else one digit each: 0 registered, 1 known with this token, 2 known
-- with a newer one, 3 condemned.
if not stands(ARGV[2], ARGV[3]) then return false end
local now = time(ARGV[1])
local n = (#ARGV - 3) / 4
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, 4, n + 3))
local answers, changes = {}, {}
for i = 1, n do
  local answer = 0
  local score = tonumber(scores[i])
  local given = tonumber(ARGV[n + 3 + i])
  if score then
    local _, token, condemned = read(score)
    if not newer(given, token) then
      answer = condemned and 3 or (given == token and 1 or 2)
    end
  end
  if answer == 0 then
    local rest = (tonumber(ARGV[2 * n + 3 + i]) - tonumber(ARGV[3 * n + 3 + i])) / 1000
    changes[#changes + 1] = math.max(0, math.ceil(now + rest)) * SPAN + given
    changes[#changes + 1] = ARGV[i + 3]
  end
  answers[i] = answer
end
if #changes > 0 then redis.call('ZADD', KEYS[1], unpack(changes)) end
return table.concat(answers)
