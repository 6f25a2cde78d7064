-- Hears leases. KEYS: heard, generation. ARGV: the time, the generation that was seen, until when this may run, then all
-- ids, all tokens, all patiences in milliseconds, and by how much of it a lease may not have run down; a patience of 0
-- asks how the lease stands and hears nothing.
-- Answers nil if this server is not as it was seen, else one digit each: 0 heard, 1 unknown, 2 the token is stale.
-- What is condemned, was not heard for its time to live, or was heard in the future is unknown: the store decides.
if not stands(ARGV[2], ARGV[3]) then return false end
local now = time(ARGV[1])
local n = (#ARGV - 3) / 4
local scores = redis.call('ZMSCORE', KEYS[1], unpack(ARGV, 4, n + 3))
local answers, changes = {}, {}
for i = 1, n do
  local answer = 1
  local score = tonumber(scores[i])
  if score then
    local heard, token, condemned = read(score)
    local shown = tonumber(ARGV[n + 3 + i])
    local patience = tonumber(ARGV[2 * n + 3 + i]) / 1000
    local left = tonumber(ARGV[3 * n + 3 + i]) / 1000
    local alive = not condemned and heard > now + left and heard <= now + patience + 1
    if not condemned and newer(token, shown) then
      answer = 2
    elseif patience > 0 and alive and token == shown then
      answer = 0
      changes[#changes + 1] = math.ceil(now + patience) * SPAN + token
      changes[#changes + 1] = ARGV[i + 3]
    end
  end
  answers[i] = answer
end
if #changes > 0 then redis.call('ZADD', KEYS[1], unpack(changes)) end
return table.concat(answers)
